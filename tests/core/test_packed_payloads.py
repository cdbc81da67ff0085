"""Payloads come back as they were given, in whichever thread they are packed and unpacked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from signalbox.core import compression
from signalbox.core.compression import UnreadablePayload, pack, unpack

PAYLOADS = [b'{"connection":{"id":"%d","bytesSent":%d}}' % (n, n * n) * (n + 1) for n in range(40)]


@pytest.mark.parametrize("version", [0, compression.CURRENT])
def test_a_payload_comes_back_as_it_was_given(version: int) -> None:
    assert [unpack(pack(one, version=version)) for one in PAYLOADS] == PAYLOADS


def test_threads_do_not_disturb_each_other() -> None:
    """Contexts of zstandard that two threads use at once corrupt memory."""
    packed = [pack(one) for one in PAYLOADS]

    def work(_: int) -> bool:
        return [unpack(one) for one in packed] == PAYLOADS and [
            pack(one) for one in PAYLOADS
        ] == packed

    with ThreadPoolExecutor(6) as threads:
        assert all(threads.map(work, range(60)))


def test_every_thread_has_contexts_of_its_own() -> None:
    used: list[tuple[object, object]] = []
    here = threading.Barrier(2)

    def work() -> None:
        used.append((compression._compressor(1), compression._decompressor(1)))
        here.wait()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({id(one) for pair in used for one in pair}) == 4


@pytest.mark.parametrize("stored", [b"", b"\x01damaged", b"\xfa" + pack(b"{}")[1:]])
def test_what_is_no_payload_is_told(stored: bytes) -> None:
    with pytest.raises(UnreadablePayload):
        unpack(stored)
