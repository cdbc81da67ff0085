"""A stop that comes while nothing may be lost is heard, afterwards."""

from __future__ import annotations

import os
import signal
from types import FrameType

import pytest

from signalbox.site.up import STOPPING, _signals_held_back


@pytest.mark.parametrize("number", STOPPING)
def test_a_stop_is_held_back_until_the_work_is_done(number: signal.Signals) -> None:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    done = []

    def work() -> None:
        with _signals_held_back():
            os.kill(os.getpid(), number)
            done.append(True)

    before = signal.signal(number, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.signal(number, before)
    assert done == [True]
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & set(STOPPING)
