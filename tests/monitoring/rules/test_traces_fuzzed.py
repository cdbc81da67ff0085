"""Whatever a trace holds, it is told or refused with a reason."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from signalbox.monitoring.rules.traces.internals import events_of_dump
from signalbox.monitoring.rules.traces.numbers import METHODS
from signalbox.monitoring.rules.traces.rtcstats import BadTraceLine, Reader
from signalbox.monitoring.rules.traces.story import Story

AT_MS = 1_795_204_761_335
HUGE = 10**400  # JSON knows no bounds
WORDS = st.sampled_from(
    ["", "id", "type", "timestamp", "t", "14", "[x]", "kind", "audio", "sdp", "transport", "inbound-rtp", "selectedCandidatePairId", "stats", "null"]
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, AT_MS * 2), st.just(HUGE), st.floats(), WORDS
)
ANY = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=5)),
    max_leaves=12,
)
METHOD = st.one_of(st.sampled_from([*METHODS.values(), *METHODS, "identity", "remove"]), ANY)
LINE = st.one_of(
    ANY, st.tuples(METHOD, st.sampled_from([None, "PC_0", 5]), ANY, ANY).map(list),
    st.tuples(METHOD, st.sampled_from([None, "PC_0"]), ANY, ANY, st.integers(0, 99)).map(list),
)  # fmt: skip


@given(st.lists(LINE, max_size=6))
@example([["x", None, HUGE]])
@example([["g", "PC_0", {"a": {"9" * 5_000: 1}}, 1]])
@example([["g", "PC_0", {"a": {"type": [1], "kind": "audio"}}, 1]])
@example([["create", None, {"userAgentData": {"brands": [{"brand": ["x"]}], "platform": 5}}, 1]])
def test_any_line_is_told_or_refused(lines: list[Any]) -> None:
    reader, story = Reader(), Story()
    for line in (["create", None, {}, AT_MS], ["create", "PC_0", {}, 1], *lines):
        with suppress(BadTraceLine):
            story.steps(reader.event(line))


COLUMN = st.one_of(
    ANY,
    st.fixed_dictionaries(
        {"statsType": ANY, "values": st.sampled_from(["[1,2]", "[]", "[NaN]", "[1795204761335, Infinity]", f"[{HUGE}]", "x"]),
         "startTime": st.sampled_from(["2026-03-02T09:00:00.000Z", "0001-01-01", "x"]), "endTime": st.sampled_from(["2026-03-02T09:00:00.000Z", None])}
    ),
)  # fmt: skip
CONNECTION = st.one_of(
    ANY,
    st.fixed_dictionaries(
        {
            "updateLog": st.one_of(ANY, st.lists(st.dictionaries(st.sampled_from(["timestamp", "time", "type", "value"]), ANY), max_size=3)),
            "stats": st.one_of(ANY, st.dictionaries(st.sampled_from(["a-timestamp", "a-x", "a-[y]", "b-id"]), COLUMN)),
        }
    ),
)  # fmt: skip
DUMP = st.fixed_dictionaries(
    {"PeerConnections": st.one_of(ANY, st.dictionaries(WORDS, CONNECTION, max_size=2))},
    optional={
        "getUserMedia": st.one_of(ANY, st.lists(st.dictionaries(st.sampled_from(["timestamp", "error", "audio", "video", "stream_id"]), ANY), max_size=2)),
        "UserAgent": ANY,
        "UserAgentData": ANY,
    },
)  # fmt: skip


@given(DUMP)
def test_any_dump_is_told_or_refused(dump: dict[str, Any]) -> None:
    story = Story()
    with suppress(BadTraceLine):
        for event in events_of_dump(dump):
            story.steps(event)


@pytest.mark.parametrize("at", [HUGE, 5, 1e14, 1_293_839_999_999, float("nan"), float("inf"), "0001-01-01", "9999-12-31T23:59:59-23:59"])  # fmt: skip
def test_an_instant_that_cannot_be_is_refused(at: Any) -> None:
    log = [{"timestamp": at, "type": "x"}]
    with pytest.raises(BadTraceLine, match="is no instant"):
        events_of_dump({"PeerConnections": {"a": {"updateLog": log}}})


def test_times_that_cannot_be_are_left_out_of_columns() -> None:
    times = {"statsType": "codec", "values": f"[NaN, {HUGE}, Infinity, true, 1795204761335]"}

    told = events_of_dump({"PeerConnections": {"a": {"stats": {"C-timestamp": times}}}})

    assert [event.at_ms for event in told if event.method == "getStats"] == [AT_MS]
