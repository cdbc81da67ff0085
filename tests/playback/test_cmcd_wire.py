"""CMCD in bodies, queries and headers is read into lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from signalbox.playback.rules.cmcd.figures import Figures, figures
from signalbox.playback.rules.cmcd.folding import Fold, add
from signalbox.playback.rules.cmcd.lines import Line, Unreadable
from signalbox.playback.wire.cmcd import lines_of, read_events, read_query, read_requests
from tests.playback.recorded import event_lines, seen_requests

AT = 1_772_445_600_000


def request(**told: Any) -> Line | Unreadable:
    return read_requests([json.dumps(told)], received_ms=AT)[0]


def sessions(lines: list[Line | Unreadable]) -> dict[str, Figures]:
    folds: dict[str, Fold] = {}
    for line in lines:
        assert isinstance(line, Line)
        add(folds.setdefault(line.session_id, Fold()), [line])
    return {session: figures(fold) for session, fold in folds.items()}


def test_lines_are_what_stands_between_line_ends() -> None:
    assert lines_of(b'a=1\n\n  \r\nb="\xff"\r\n') == ["a=1", 'b="\ufffd"\r']


@pytest.mark.parametrize(
    ("query", "report"),
    [
        (b"CMCD=sid%3D%22a%22%2Csu", 'sid="a",su'),
        (b"x=1&CMCD=br%3D%28500%3Bv+64%3Ba%29", "br=(500;v 64;a)"),
        (b"CMCD=nor%3D%22..%252Fa%22", 'nor="..%2Fa"'),
        (b"CMCD", ""),
        (b"cmcd=a", None),
        (b"", None),
    ],
)
def test_a_query_is_decoded_once(query: bytes, report: str | None) -> None:
    assert read_query(query) == report


def test_headers_go_before_the_query() -> None:
    line = request(
        ts=AT + 5,
        url="https://cdn.test/a.m4s?token=x&CMCD=sid%3D%22a%22%2Cbr%3D100%2Cot%3Dv#f",
        headers={"CMCD-Object": "br=200", "cmcd-status": "bs", "X-Other": "br=300"},
        status=404,
        ttfbMs=12.6,
        cdn="edge",
    )

    assert isinstance(line, Line)
    assert line.ts_ms == AT + 5
    assert line.fields == {
        "sid": "a", "br": "200", "ot": "v", "bs": "", "url": "https://cdn.test/a.m4s", "rc": "404", "ttfb": "12", "cdn": "edge",
    }  # fmt: skip
    assert "token" not in line.text


def test_a_player_that_names_its_cdn_knows_better() -> None:
    line = request(headers={"CMCD-Session": 'sid="a",cdn="own"'}, cdn="edge")

    assert isinstance(line, Line)
    assert (line.fields["cdn"], line.ts_ms) == ("own", AT)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("[]", "bad"),
        ("{", "bad"),
        ('"x"', "bad"),
        ("{}", "bad"),
        ('{"url":5,"headers":[1]}', "bad"),
        ('{"url":"https://a/b?x=1","headers":{"CMCD-Object":5}}', "bad"),
        ('{"url":"https://a/b?CMCD=br%3D5"}', "no_sid"),
        ('{"url":"' + "x" * 9000 + '"}', "too_long"),
        ("[" * 3000, "bad"),
    ],
)
def test_what_is_no_request_says_why(sent: str, reason: str) -> None:
    assert read_requests([sent], received_ms=AT) == [Unreadable(reason)]


def test_values_that_cannot_be_are_left_out() -> None:
    line = request(
        ts=True, url="https://a/b?CMCD=sid%3D%22a%22", status="200", ttfbMs=-1, ttlbMs=1e20, cdn=5
    )

    assert isinstance(line, Line)
    assert line.fields == {"sid": "a", "url": "https://a/b"}
    assert line.ts_ms == AT


def test_two_requests_that_say_the_same_are_two() -> None:
    url = "https://a/b?CMCD=sid%3D%22a%22"
    first, again, other = request(ts=5, url=url), request(ts=5, url=url), request(ts=6, url=url)

    assert isinstance(first, Line)
    assert isinstance(again, Line)
    assert isinstance(other, Line)
    assert first.key == again.key
    assert first.key != other.key


@pytest.mark.parametrize("name", ["hlsjs", "dashjs", "shaka", "hlsjs-batch5"])
def test_every_recorded_line_is_read(name: str) -> None:
    lines = read_events(event_lines(f"cmcd-v2-events-{name}"), received_ms=AT)

    assert lines
    assert all(isinstance(line, Line) for line in lines)


@pytest.mark.parametrize("name", ["cmcd-v1-query", "cmcd-v1-headers", "cmcd-v2-query"])
def test_every_recorded_request_is_read(name: str) -> None:
    sent = [json.dumps(told) for told in seen_requests(f"{name}-requests")]
    found = sessions(read_requests(sent, received_ms=AT))

    assert len(found) == 3
    for told in found.values():
        assert told.content_id == "asset-1"
        assert told.cdn == "edge"
        assert told.payload["requests"]["count"] > 10
        assert told.version == (2 if "v2" in name else 1)
        assert told.stream_type == "VOD"


def test_a_recorded_audio_request_says_nothing_of_the_picture() -> None:
    sent = [json.dumps(told) for told in seen_requests("cmcd-v1-query-requests")]
    found = sessions(read_requests(sent, received_ms=AT)).values()

    assert all(
        told.mean_bitrate_bps is not None and told.mean_bitrate_bps >= 100_000 for told in found
    )
    assert all(told.play_ms is None and told.rebuffer_ms is None for told in found)
