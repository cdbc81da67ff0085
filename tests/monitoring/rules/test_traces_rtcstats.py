"""Lines of rtcstats-js, of all its versions: times, names, differences, descriptions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules.traces.rtcstats import (
    MAX_CONNECTIONS,
    MAX_REPORTS,
    BadTraceLine,
    Reader,
    ReaderState,
    TraceEvent,
    described,
    not_after,
)

AT_MS = 1_795_204_761_335.0
START: list[Any] = ["create", None, {}, AT_MS]


def read(*lines: list[Any]) -> list[TraceEvent]:
    """What lines tell that come after the first."""
    reader = Reader()
    return [reader.event(line) for line in (START, *lines)][1:]


def reports(*sent: dict[str, Any]) -> list[dict[str, Any]]:
    """The whole reports of one connection after each line of stats."""
    return [event.value for event in read(*(["g", "PC_0", one, 1] for one in sent))]


# --- lines ------------------------------------------------------------------------------------------


def test_a_line_tells_method_connection_value_and_time() -> None:
    first, second, third = read(
        ["onconnectionstatechange", "PC_0", "connected", 5],
        [22, "PC_0", "audio:a", "stream", 7.5],
        ["identity", None, AT_MS + 90_000],
    )

    assert first == TraceEvent(AT_MS + 5, "onconnectionstatechange", "PC_0", "connected")
    assert second == TraceEvent(AT_MS + 12.5, "ontrack", "PC_0", "audio:a", ("stream",))
    assert third == TraceEvent(AT_MS + 90_000, "identity", None, None)


def test_a_number_without_a_name_is_kept() -> None:
    assert read([999, None, 1, 1])[0].method == "999"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({}, "not a list"),
        ([], "not a list"),
        ([39, 5], "not a list"),
        ([None, None, 5], "neither a name nor a number"),
        ([True, None, 5], "neither a name nor a number"),
        ([39, 7, 5], "the connection is no text"),
        ([39, None, "5"], "the time is no number"),
        ([39, None, None], "the time is no number"),
        ([39, None, True], "the time is no number"),
        ([39, None, float("inf")], "the time is no number"),
        ([39, None, float("nan")], "the time is no number"),
        ([39, None, 5], "begins without an instant"),
        ([39, None, 1e13], "begins without an instant"),
        (["getStats", None, {}, AT_MS], "without a connection or a report"),
        (["getstats", "PC_0", [], AT_MS], "without a connection or a report"),
        ([1, "PC_0", AT_MS], "without a connection or a report"),
    ],
)
def test_what_no_version_writes_is_refused_with_a_reason(line: Any, reason: str) -> None:
    with pytest.raises(BadTraceLine, match=reason):
        Reader().event(line)


# --- stats ------------------------------------------------------------------------------------------


def test_numbers_stand_for_names_of_reports_and_properties() -> None:
    (one,) = reports({"IT01": {"type": 1, "14": 94, "11": "audio", "9999": 1, "x": 2, "[rate]": 3}})

    assert one == {"IT01": {"id": "IT01", "type": "inbound-rtp", "packetsReceived": 94, "kind": "audio", "9999": 1, "x": 2}}  # fmt: skip


@pytest.mark.parametrize("given_", [77, "inbound-rtp", True, None])
def test_a_type_without_a_name_is_kept(given_: Any) -> None:
    assert reports({"a": {"type": given_}})[0]["a"]["type"] == given_


def test_only_what_changed_is_written() -> None:
    told = reports(
        {"t": 100, "a": {"type": 1, "14": 1, "qualityLimitationDurations": {"cpu": 1, "none": 2}}, "b": {"x": 1}},
        {"t": 200, "a": {"14": 5, "qualityLimitationDurations": {"cpu": 3}}},
        {"t": 300, "a": {"timestamp": 290}, "b": None},
        {"t": 400, "note": "no report"},
    )  # fmt: skip

    lasting = {"cpu": 3, "none": 2}
    assert told[0]["b"] == {"id": "b", "x": 1, "timestamp": 100}
    assert told[1] == {
        "a": {"id": "a", "type": "inbound-rtp", "packetsReceived": 5, "qualityLimitationDurations": lasting, "timestamp": 200},
        "b": {"id": "b", "x": 1, "timestamp": 200},
    }  # fmt: skip
    assert told[2].keys() == {"a"}
    assert told[2]["a"]["timestamp"] == 290
    assert told[3]["a"] == told[2]["a"] | {"timestamp": 400}


def test_older_versions_write_0_for_the_timestamp_of_the_report() -> None:
    told = reports(
        {"timestamp": 100, "a": {"x": 1, "timestamp": 0}, "b": {"x": 1, "timestamp": 90}},
        {"timestamp": 200, "a": {"x": 2, "timestamp": 0}},
    )

    assert [report["a"]["timestamp"] for report in told] == [100, 200]
    assert [report["b"]["timestamp"] for report in told] == [90, 200]


def test_a_connection_knows_its_own_reports_only() -> None:
    first, second = read(["g", "PC_0", {"a": {"x": 1}}, 1], ["g", "PC_1", {"a": {"y": 2}}, 1])

    assert (first.method, first.connection) == ("getStats", "PC_0")
    assert second.value == {"a": {"id": "a", "y": 2}}


def test_reports_that_are_written_in_full_replace_those_before() -> None:
    told = reports({"a": {"x": 1}, "b": {"x": 1}}, {"a": {"id": "a", "y": 2, "t": 7}})

    assert told[1] == {"a": {"id": "a", "y": 2, "timestamp": 7}}


def test_reading_goes_on_at_another_socket() -> None:
    lines = [START, ["g", "PC_0", {"t": 1, "a": {"14": 1}}, 5], ["g", "PC_0", {"a": {"15": 2}}, 5]]
    whole = Reader()
    told = [whole.event(line) for line in lines]

    one = Reader()
    first = [one.event(line) for line in lines[:2]]
    carried = msgspec.json.decode(msgspec.json.encode(one.state), type=ReaderState)
    assert [*first, Reader(carried).event(lines[2])] == told


def test_so_many_connections_and_reports_are_read_and_no_more() -> None:
    connections = [["g", f"PC_{number}", {"a": {}}, 1] for number in range(MAX_CONNECTIONS)]
    reader = Reader()
    for line in (START, *connections, connections[0]):
        reader.event(line)

    with pytest.raises(BadTraceLine, match="too many connections"):
        reader.event(["g", "another", {"a": {}}, 1])
    with pytest.raises(BadTraceLine, match="too many reports"):
        reader.event(["g", "PC_0", {str(number): {} for number in range(MAX_REPORTS + 1)}, 1])


FIGURES = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 9), max_size=3)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), FIGURES, max_size=3), max_size=6))
def test_what_a_writer_leaves_out_is_put_back(changes: list[dict[str, dict[str, int]]]) -> None:
    # No report loses a figure; those that are not named are gone.
    whole: list[dict[str, dict[str, int]]] = [{}]
    sent: list[dict[str, Any]] = []
    for changed in changes:
        before = whole[-1]
        whole.append({key: before.get(key, {}) | figures for key, figures in changed.items()})
        news = {
            key: {name: value for name, value in figures.items() if before.get(key, {}).get(name) != value}
            for key, figures in whole[-1].items()
        }  # fmt: skip
        sent.append({"t": 7} | news | dict.fromkeys(before.keys() - changed.keys()))

    assert reports(*sent) == [
        {key: figures | {"id": key, "timestamp": 7} for key, figures in one.items()}
        for one in whole[1:]
    ]


# --- descriptions -----------------------------------------------------------------------------------

OFFER = "v=0\r\no=- 1\r\nm=audio 9\r\na=mid:0\r\nm=video 9\r\na=mid:1\r\n"


@pytest.mark.parametrize("given_", [None, "v=0", {}, {"type": "offer"}, {"sdp": 7}])
def test_what_holds_no_description_gives_none(given_: Any) -> None:
    assert described({"sdp": OFFER}, given_) is None


@pytest.mark.parametrize("base", [None, "v=0", {}, {"sdp": None}])
def test_the_first_description_is_whole(base: Any) -> None:
    given_ = {"type": "offer", "sdp": OFFER}

    assert described(base, given_) == given_
    assert described(base, {"sdp": OFFER}) == {"type": "", "sdp": OFFER}


@pytest.mark.parametrize(
    ("sdp", "whole"),
    [
        ("v=\r\nm=\r\nm=\r\n", OFFER),
        (OFFER, OFFER),
        ("v=\r\nm=\r\nm=video 0\r\n", "v=0\r\no=- 1\r\nm=audio 9\r\na=mid:0\r\nm=video 0\r\n"),
        ("v=\r\nm=\r\n", "v=0\r\no=- 1\r\nm=audio 9\r\na=mid:0\r\n"),
        ("v=1\r\nm=\r\nm=\r\nm=", "v=1\r\nm=audio 9\r\na=mid:0\r\nm=video 9\r\na=mid:1\r\nm=\r\n"),
    ],
)
def test_sections_that_did_not_change_are_those_of_the_description_before(
    sdp: str, whole: str
) -> None:
    assert described({"sdp": OFFER}, {"type": "answer", "sdp": sdp}) == {
        "type": "answer",
        "sdp": whole,
    }


def test_a_trace_whose_clock_was_ahead_is_moved_as_a_whole() -> None:
    events = [TraceEvent(at_ms, "x", None, None) for at_ms in (500.0, 700.0)]

    assert [event.at_ms for event in not_after(events, 600.0)] == [400.0, 600.0]
    assert not_after(events, 700.0) == events
    assert not_after([], 700.0) == []
