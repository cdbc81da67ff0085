"""The audio score: the published examples exactly, and what a report or an interval is scored by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules.emos import emos, loss_impairment
from signalbox.monitoring.rules.figures import (
    BIGGEST,
    LARGEST_REAL,
    MUTED_BPS,
    Reading,
    buffer_ms,
    interval_scores,
    millis,
    real,
    score,
    whole,
)
from signalbox.monitoring.rules.issues import ScoredInterval

START = datetime(2026, 1, 15, 10, tzinfo=UTC)


def report(received: float | None, lost: float | None, **fields: Any) -> SimpleNamespace:
    """An inbound audio report."""
    names = ("jitterBufferDelay", "jitterBufferEmittedCount", "bitrate", "fecPacketsReceived")
    known = dict.fromkeys(names) | {"id": "IT1", "packetsReceived": received, "packetsLost": lost}
    return SimpleNamespace(**(known | fields))


def remote(sent: float | None, of: str | None = "IT1") -> SimpleNamespace:
    """A remote-outbound report."""
    return SimpleNamespace(localId=of, packetsSent=sent)


@pytest.mark.parametrize(
    ("received", "lost", "buffer", "rtt_s", "bitrate", "fec", "version_1", "version_2"),
    [
        (100, 1, (2.0, 1000), 0, None, 0, 4.41, 4.19),
        (1000, 0, (20, 1000), 0.05, 32000, 0, 4.36, 4.36),
        (500, 500, (None, None), 0, None, 0, 4.31, 1.12),
        (900, 100, (60, 1000), 0.2, 24000, 0, 4.10, 1.93),
        (900, 100, (60, 1000), 0.2, 24000, 1, 4.12, 2.71),
        (1000, 0, (300, 1000), 0.6, 24000, 0, 1.44, 1.44),
        (1000, 0, (None, None), 0, 1000, 0, 3.87, 3.87),
        (1000, 0, (500, 1000), 1.0, 8000, 0, 1, 1),
    ],
)
def test_the_published_examples(
    received: float,
    lost: float,
    buffer: tuple[float | None, float | None],
    rtt_s: float,
    bitrate: float | None,
    fec: int,
    version_1: float,
    version_2: float,
) -> None:
    of = report(
        received,
        lost,
        jitterBufferDelay=buffer[0],
        jitterBufferEmittedCount=buffer[1],
        bitrate=bitrate,
        fecPacketsReceived=fec,
    )

    told = [score(of, remote_outbound=[], rtt_ms=rtt_s * 1000, version=version) for version in (1, 2)]  # fmt: skip
    assert told == [version_1, version_2]


@pytest.mark.parametrize(("received", "lost"), [(0, 0), (None, None), (None, 0), (5, -5), (0, -1)])
def test_nothing_received_or_lost_has_no_score(received: float | None, lost: float | None) -> None:
    assert score(report(received, lost), remote_outbound=[], rtt_ms=0, version=2) is None


@pytest.mark.parametrize(
    ("sources", "loss_ratio"),
    [
        ([], 0.1),
        ([remote(2000)], 0.55),
        ([remote(800)], 0.0),  # more received than it tells sent
        ([remote(2000), remote(2000)], 0.1),  # which one is ours?
        ([remote(2000), remote(5000, of="IT2")], 0.55),
        ([remote(0)], 0.1),
        ([remote(None)], 0.1),
        ([remote(2000, of=None)], 0.1),
    ],
)
def test_loss_is_told_by_the_one_sender_else_by_the_receiver(
    sources: list[Any], loss_ratio: float
) -> None:
    told = score(report(900, 100), remote_outbound=sources, rtt_ms=0, version=2)

    assert told == emos(loss_ratio=loss_ratio, rtt_ms=0, buffer_ms=0)


def test_late_duplicates_are_no_loss() -> None:
    untroubled = emos(loss_ratio=0, rtt_ms=0, buffer_ms=0)

    assert score(report(100, -3), remote_outbound=[], rtt_ms=-5, version=2) == untroubled


def test_a_report_without_id_has_no_sender() -> None:
    anonymous = report(900, 100, id=None)

    assert score(anonymous, remote_outbound=[remote(2000, of=None)], rtt_ms=0, version=2) == emos(
        loss_ratio=0.1, rtt_ms=0, buffer_ms=0
    )


@pytest.mark.parametrize(
    ("delay_s", "count", "mean_ms"),
    [(2.0, 1000, 2.0), (None, 1000, 0), (2.0, None, 0), (2.0, 0, 0), (0, 10, 0), (2.0, -4, 0), (-2.0, 4, 0)],
)  # fmt: skip
def test_the_mean_delay_of_the_jitter_buffer(
    delay_s: float | None, count: float | None, mean_ms: float
) -> None:
    assert buffer_ms(delay_s, count) == mean_ms


@pytest.mark.parametrize(
    ("bitrate_bps", "impairment"),
    [(None, 6.0), (0, 6.0), (-5, 6.0), (1, 30.0), (1e9, 0.0), (24_000, 8.6053)],
)
def test_the_impairment_of_a_codec_lies_between_0_and_30(
    bitrate_bps: float | None, impairment: float
) -> None:
    told = loss_impairment(loss_ratio=0, bitrate_bps=bitrate_bps, fec=False, version=2)

    assert told == pytest.approx(impairment, abs=1e-3)


RATIO = st.floats(0, 1)
MS = st.floats(0, 60_000)
BPS = st.one_of(st.none(), st.floats(0, 1e8))


@given(RATIO, MS, MS, BPS, st.booleans(), st.sampled_from([1, 2]))
def test_a_score_lies_between_1_and_5_and_falls_with_loss_and_delay(
    loss: float, rtt_ms: float, wait_ms: float, bps: float | None, fec: bool, version: int
) -> None:
    def told(loss_ratio: float, rtt: float, wait: float) -> float:
        return emos(loss_ratio=loss_ratio, rtt_ms=rtt, buffer_ms=wait, bitrate_bps=bps, fec=fec, version=version)  # fmt: skip

    one = told(loss, rtt_ms, wait_ms)
    assert 1 <= one <= 5
    assert one == round(one, 2)
    # The formula itself rises again below R = 6.5, by less than what two digits show, before it is held at 1.
    assert told(1.0, rtt_ms, wait_ms) <= one + 0.01
    assert told(loss, rtt_ms + 100, wait_ms) <= one + 0.01
    assert told(loss, rtt_ms, wait_ms + 100) <= one + 0.01


# --- what can be stored -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept"),
    [(None, None), (0.0, 0), (3.9, 3), (-3.9, -3), (float("nan"), None), (float("inf"), None), (float(BIGGEST), None), (-1e300, None)],
)  # fmt: skip
def test_a_counter_fits_into_64_bits(value: float | None, kept: int | None) -> None:
    assert whole(value) == kept


@pytest.mark.parametrize(
    ("value", "kept"),
    [(None, None), (0, 0.0), (2.5, 2.5), (float("nan"), None), (float("-inf"), None), (LARGEST_REAL, None), (-4e38, None)],
)  # fmt: skip
def test_a_figure_fits_into_32_bits(value: float | None, kept: float | None) -> None:
    assert real(value) == kept


def test_seconds_become_milliseconds() -> None:
    assert millis(None) is None
    assert millis(0.021) == 21
    assert millis(1e37) is None


# --- intervals --------------------------------------------------------------------------------------


def reading(at_s: float, received: float, lost: float = 0, **fields: Any) -> Reading:
    """Of an Opus flow at 32 kbit/s with 40 ms in the buffer."""
    known: dict[str, Any] = {
        "buffer_s": received * 0.04, "emitted": received, "rtt_ms": 50.0, "bitrate_bps": 32_000.0, "fec": False,
    }  # fmt: skip
    return Reading(at=START + timedelta(seconds=at_s), received=received, lost=lost, **(known | fields))  # fmt: skip


def test_each_interval_is_scored_by_its_own_packets() -> None:
    scores = interval_scores(
        [reading(20, 1_000, 100), reading(0, 0), reading(10, 500)], version=2
    )  # fmt: skip

    clean = emos(loss_ratio=0, rtt_ms=50, buffer_ms=40, bitrate_bps=32_000)
    lossy = emos(loss_ratio=1 / 6, rtt_ms=50, buffer_ms=40, bitrate_bps=32_000)
    assert scores == [
        ScoredInterval(at=START + timedelta(seconds=10), emos=clean, seconds=10),
        ScoredInterval(at=START + timedelta(seconds=20), emos=lossy, seconds=10),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (reading(0, 500), reading(0, 600)),  # no time has passed
        (reading(0, 500), reading(10, 20)),  # the counters were started anew
        (reading(0, 500), reading(10, 500)),  # nothing came
        (reading(0, 500), reading(10, 505, bitrate_bps=MUTED_BPS - 1)),  # muted
    ],
)
def test_what_tells_nothing_is_left_out(before: Reading, after: Reading) -> None:
    assert interval_scores([before, after], version=2) == []


def test_what_is_lost_while_little_is_sent_counts() -> None:
    (told,) = interval_scores([reading(0, 500), reading(10, 505, 50, bitrate_bps=500)], version=2)

    assert told.emos < 2


def test_from_two_kilobits_a_second_on_it_is_sound() -> None:
    (told,) = interval_scores([reading(0, 500), reading(10, 505, bitrate_bps=2_000)], version=2)

    assert told.seconds == 10


def test_an_unknown_bitrate_is_not_silence() -> None:
    (told,) = interval_scores([reading(0, 500), reading(10, 600, bitrate_bps=None)], version=2)

    assert told.emos == emos(loss_ratio=0, rtt_ms=50, buffer_ms=40)


def test_a_single_reading_has_no_interval() -> None:
    assert interval_scores([reading(0, 10)], version=2) == []
    assert interval_scores([], version=2) == []
