"""Identifiers are random, of their version, and never given twice."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from signalbox.core.ids import new_id


def test_new_ids_are_of_version_4() -> None:
    made = new_id()
    assert (made.version, made.variant) == (4, "specified in RFC 4122")


def test_threads_share_no_id() -> None:
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda _: [new_id() for _ in range(1_000)], range(4)))
    assert len({one for part in parts for one in part}) == 4_000


FORKING = """
import os
from signalbox.core.ids import new_id

new_id()  # so that there are some to inherit
child = os.fork()
print([new_id().hex for _ in range(256)], flush=True)
if child:
    os.waitpid(child, 0)
"""


def test_a_forked_process_makes_ids_of_its_own() -> None:
    told = subprocess.run(
        [sys.executable, "-c", FORKING], capture_output=True, check=True, text=True
    )
    assert len(set(re.findall(r"[0-9a-f]{32}", told.stdout))) == 512
