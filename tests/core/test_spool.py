"""What was acknowledged is replayed in order, whatever happens to the process or the disk."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from signalbox.core.spool import Spool, SpoolFull

BIG = 1 << 20


class Taking:
    """Takes records; fails when told to."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.fails = False

    async def __call__(self, records: list[bytes]) -> None:
        if self.fails:
            raise ConnectionError
        self.records += records


async def opened(folder: Path, max_bytes: int = BIG) -> Spool:
    spool = Spool(folder, max_bytes=max_bytes)
    await spool.open()
    return spool


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


async def test_records_come_back_in_their_order_and_are_gone(tmp_path: Path) -> None:
    spool, taking = await opened(tmp_path), Taking()
    for n in range(450):
        await spool.append(b"%d" % n)

    assert await spool.replay(taking) == 450
    assert taking.records == [b"%d" % n for n in range(450)]
    assert await spool.replay(taking) == 0
    assert (spool.size_bytes, spool.oldest_at_s, segments(tmp_path)) == (0, None, [])
    await spool.close()


async def test_many_at_once_are_all_kept(tmp_path: Path) -> None:
    spool, taking = await opened(tmp_path), Taking()
    await asyncio.gather(*(spool.append(b"%d" % n) for n in range(100)))
    await spool.replay(taking)
    await spool.close()

    assert taking.records == [b"%d" % n for n in range(100)]


async def test_who_cannot_take_them_gets_them_again_and_new_ones_after(tmp_path: Path) -> None:
    spool, taking = await opened(tmp_path), Taking()
    await spool.append(b"first")
    taking.fails = True
    with pytest.raises(ConnectionError):
        await spool.replay(taking)
    await spool.append(b"second")
    taking.fails = False

    assert spool.size_bytes > 0
    assert spool.oldest_at_s is not None
    assert await spool.replay(taking) == 2
    assert taking.records == [b"first", b"second"]
    await spool.close()


async def test_what_was_taken_before_a_failure_is_not_handed_out_again(tmp_path: Path) -> None:
    spool, taking = await opened(tmp_path), Taking()
    for n in range(250):
        await spool.append(b"%d" % n)

    async def only_the_first_batch(records: list[bytes]) -> None:
        if taking.records:
            raise ConnectionError
        await taking(records)

    with pytest.raises(ConnectionError):
        await spool.replay(only_the_first_batch)
    await spool.replay(taking)
    await spool.close()

    assert taking.records == [b"%d" % n for n in range(250)]


async def test_a_full_spool_refuses_and_takes_again_when_it_is_emptied(tmp_path: Path) -> None:
    spool, taking = await opened(tmp_path, max_bytes=100), Taking()
    await spool.append(b"x" * 60)
    with pytest.raises(SpoolFull):
        await spool.append(b"y" * 60)
    await spool.replay(taking)
    await spool.append(b"z" * 60)
    await spool.replay(taking)
    await spool.close()

    assert taking.records == [b"x" * 60, b"z" * 60]


async def test_a_disk_that_fails_leaves_no_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, taking = await opened(tmp_path), Taking()
    await spool.append(b"good")

    def broken(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", broken)
        with pytest.raises(SpoolFull):
            await spool.append(b"bad")
    await spool.append(b"better")
    await spool.replay(taking)
    await spool.close()

    assert taking.records == [b"good", b"better"]


async def test_the_segments_of_a_living_process_are_left_alone(tmp_path: Path) -> None:
    one, other = await opened(tmp_path), await opened(tmp_path)
    taking = Taking()
    await one.append(b"mine")

    assert await other.replay(taking) == 0
    await one.close()
    assert await other.replay(taking) == 1
    await other.close()


@pytest.mark.parametrize("cut", [1, 3, 8, 11])
async def test_a_torn_tail_is_dropped_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    first = await opened(tmp_path)
    await first.append(b"whole")
    await first.append(b"torn")
    await first.close()
    (path,) = segments(tmp_path)
    os.truncate(path, path.stat().st_size - cut)
    spool, taking = await opened(tmp_path), Taking()
    await spool.replay(taking)
    await spool.close()

    assert taking.records == [b"whole"]


async def test_a_record_that_is_not_what_was_written_is_not_handed_out(tmp_path: Path) -> None:
    first = await opened(tmp_path)
    await first.append(b"whole")
    await first.append(b"changed")
    await first.close()
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    spool, taking = await opened(tmp_path), Taking()
    await spool.replay(taking)
    await spool.close()

    assert taking.records == [b"whole"]


_APPENDS = """
import asyncio, sys
from pathlib import Path
from signalbox.core.spool import Spool

async def main():
    spool = Spool(Path(sys.argv[1]), max_bytes=1 << 20)
    await spool.open()
    number = 0
    while True:
        await spool.append(b"%d" % number)
        print(number, flush=True)
        number += 1

asyncio.run(main())
"""


def killed(folder: Path) -> int:
    """The last record that a process had acknowledged when it was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", _APPENDS, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 20:
            break
    process.send_signal(signal.SIGKILL)
    acknowledged = [20, *(int(line) for line in process.stdout if line.endswith("\n"))][-1]
    process.wait()
    process.stdout.close()
    return acknowledged


async def test_what_a_killed_process_has_acknowledged_is_there(tmp_path: Path) -> None:
    acknowledged = await asyncio.to_thread(killed, tmp_path)
    spool, taking = await opened(tmp_path), Taking()
    await spool.replay(taking)
    await spool.close()

    assert len(taking.records) >= acknowledged + 1
    assert taking.records == [b"%d" % n for n in range(len(taking.records))]
