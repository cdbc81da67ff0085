"""Bodies of the unmodified SDK arrive as they are, in each dialect."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.monitoring.conftest import House
from tests.playback.playing import FAILED_START, PHONE, Player, T, report


async def row_of(house: House, player: Player, session_id: str) -> dict[str, Any]:
    """The stored session."""
    async with house.db.read() as tx, tx.psycopg.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            "SELECT * FROM playback.sessions WHERE app_id = %s AND session_id = %s",
            (player.app["id"], session_id),
        )
        (row,) = await cursor.fetchall()
    return dict(row)


async def test_a_phone_reports(house: House, player: Player) -> None:
    answer = await player.post(PHONE)
    row = await row_of(house, player, PHONE["sessionId"])

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json() == {
        "status": "success",
        "sessionId": PHONE["sessionId"],
        "result": "created",
        "revision": 1,
        "warnings": [],
    }
    expected = {
        "source": "media3watch", "dialect": "D3", "client_ts_ms": 1767225645000, "duration_ms": 45000, "player_startup_ms": 450,
        "play_time_ms": 42000, "rebuffer_time_ms": 1200, "rebuffer_count": 2, "rebuffer_ratio_reported": 0.0271, "dropped_frames": 12,
        "seek_count": 1, "seek_time_ms": 650, "mean_bitrate_bps": 2500000, "error_count": 0, "content_id": None, "stream_type": None,
        "device_model": "Tab X", "os_name": "Android", "os_version": "34", "sdk_version": "0.4.0", "connection_type": "Wi-Fi",
        "outcome": "played", "clock_skew": None, "flags": [], "revision": 1, "start_iso_raw": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["timestamp"].isoformat() == "2026-01-01T00:00:45+00:00"
    assert row["started_at"].isoformat() == "2026-01-01T00:00:00+00:00"
    assert row["score"] == pytest.approx(89.89, abs=0.01)
    assert row["payload"] == {k: v for k, v in PHONE.items() if k != "timelineEvents"}


async def test_a_failed_start_reports(house: House, player: Player) -> None:
    answer = await player.post(FAILED_START)
    row = await row_of(house, player, FAILED_START["sessionId"])

    assert answer.json()["result"] == "created"
    assert answer.json()["warnings"] == ["unparsable:sessionStartDateIso"]
    assert (row["dialect"], row["outcome"], row["mean_bitrate_bps"]) == ("D2", "start_failure", None)  # fmt: skip
    assert (row["start_iso_raw"], row["score"]) == ("null", 0)
    assert row["started_at"].timestamp() * 1000 == 1767225694000


async def test_the_first_generation_reports(house: House, player: Player) -> None:
    body = {
        "schemaVersion": "1.0.0", "sessionId": "d1", "timestamp": T, "playerStartupMs": 800, "playTimeMs": 10_000, "rebufferTimeMs": 0,
        "rebufferCount": 0, "rebufferRatio": 0, "droppedFrames": 3, "avgBitrateKbps": 2_400, "errorCount": 1, "lastErrorCode": 2001,
        "lastErrorCategory": "NETWORK", "qualitySwitchCount": 4, "contentId": "movie", "streamType": "vod",
        "device": {"model": "Pixel", "os": "Android", "osVersion": 14}, "app": {"name": "TV", "version": "2.1"}, "custom": {"cdn": "a"},
    }  # fmt: skip

    answer = await player.post(body)
    row = await row_of(house, player, "d1")

    assert answer.json()["warnings"] == []
    expected = {
        "dialect": "D1", "schema_version": "1.0.0", "player_startup_ms": 800, "dropped_frames": 3, "mean_bitrate_bps": 2_400_000,
        "last_error_code": "2001", "last_error_category": "NETWORK", "quality_switches": 4, "content_id": "movie", "stream_type": "VOD",
        "device_model": "Pixel", "os_name": "Android", "os_version": "14", "app_name": "TV", "app_version": "2.1", "started_at": None,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert row["payload"]["custom"] == {"cdn": "a"}


@pytest.mark.parametrize(
    ("changes", "dialect"),
    [
        ({}, "D3"),
        ({"timelineEvents": ..., "deviceModel": ..., "osVersion": ..., "sdkVersion": ...}, "D3"),
        ({"timelineEvents": ..., "deviceModel": ..., "osVersion": ..., "sdkVersion": ..., "connectionType": ...}, "D2"),
        ({"schemaVersion": "2.0"}, "D1"),
        ({"sessionDurationMs": None, "sessionStartDateIso": ...}, "D1"),
    ],
)  # fmt: skip
async def test_a_dialect_is_recognised_by_its_fields(
    house: House, player: Player, changes: dict[str, Any], dialect: str
) -> None:
    body = report(**changes)

    assert (await player.post(body)).status_code == 200
    assert (await row_of(house, player, body["sessionId"]))["dialect"] == dialect


async def test_numbers_come_in_several_forms(house: House, player: Player) -> None:
    body = report(startupTimeMs="450", playTimeMs=450.0, rebufferTimeMs=1.2e3, rebufferRatio=1.2e-4)
    body["timelineEvents"] = [PHONE["timelineEvents"][0] | {"elapsedMs": "7", "timestampMs": 8.0}]

    answer = await player.post(body)
    row = await row_of(house, player, body["sessionId"])

    assert (row["player_startup_ms"], row["play_time_ms"], row["rebuffer_time_ms"]) == (450, 450, 1200)  # fmt: skip
    assert "timelineRejected" not in answer.json()


async def test_unknown_members_are_kept(house: House, player: Player) -> None:
    body = report(future={"deep": [1, {"x": None}]}, big=10**39, text="ä\u2028")
    await player.post(body)

    payload = (await row_of(house, player, body["sessionId"]))["payload"]
    assert payload["future"] == {"deep": [1, {"x": None}]}
    assert (int(payload["big"]), payload["text"]) == (10**39, "ä\u2028")


@pytest.mark.parametrize("raw", ['"a\\u0000b"', '"a\\ud800b"'])
async def test_what_no_database_keeps_is_replaced(house: House, player: Player, raw: str) -> None:
    body = report(deviceModel=...)
    text = json.dumps(body)[:-1] + f',"deviceModel":{raw},"other":[{{"k":{raw}}}]}}'

    assert (await player.post(text)).status_code == 200
    row = await row_of(house, player, body["sessionId"])
    assert row["device_model"] == "a\ufffdb"
    assert row["payload"]["other"] == [{"k": "a\ufffdb"}]


async def test_long_texts_are_cut_and_kept_whole_in_the_payload(
    house: House, player: Player
) -> None:
    body = report(deviceModel="m" * 200, contentId="c" * 256, streamType="live")

    answer = await player.post(body)
    row = await row_of(house, player, body["sessionId"])

    assert answer.json()["warnings"] == ["truncated:deviceModel"]
    assert (row["device_model"], row["stream_type"]) == ("m" * 128, "LIVE")
    assert row["payload"]["deviceModel"] == "m" * 200


async def test_texts_that_are_none_are_left_out_with_a_warning(
    house: House, player: Player
) -> None:
    body = report(deviceModel=5, device="x", custom=[1], lastErrorCode=True, osVersion=33.5)

    answer = await player.post(body)
    row = await row_of(house, player, body["sessionId"])

    ignored = {"ignored:deviceModel", "ignored:device", "ignored:custom", "ignored:lastErrorCode"}
    assert ignored <= set(answer.json()["warnings"])
    assert (row["device_model"], row["os_version"]) == (None, "33.5")


async def test_custom_members_are_bounded(house: House, player: Player) -> None:
    many = {f"k{n}": "v" for n in range(60)}
    body = report(custom={"n": 1, "x" * 65: "v", "long": "v" * 513, **many})

    answer = await player.post(body)
    row = await row_of(house, player, body["sessionId"])

    assert "dropped:custom" in answer.json()["warnings"]
    assert row["payload"]["custom"] == dict(list(many.items())[:50])


async def test_bad_entries_of_a_timeline_are_skipped_and_counted(
    house: House, player: Player
) -> None:
    good = PHONE["timelineEvents"][0]
    bad = [{}, 5, good | {"playbackState": "SEEKING"}, good | {"elapsedMs": -1}, good | {"timestampMs": 0},
           good | {"rebufferCount": 1.5}, good | {"networkType": 7}]  # fmt: skip
    body = report(timelineEvents=[good, *bad, good | {"elapsedMs": 461, "extra": 1}])

    answer = await player.post(body)

    assert answer.json()["timelineRejected"] == len(bad)
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT elapsed_ms FROM playback.session_timeline WHERE session_id = %s ORDER BY 1",
            (body["sessionId"],),
        )
        assert [row[0] for row in await cursor.fetchall()] == [460, 461]


async def test_a_timeline_that_is_none_is_left_out(player: Player) -> None:
    answer = await player.post(report(timelineEvents="x"))

    assert answer.json()["warnings"] == ["ignored:timelineEvents"]


async def test_a_very_long_timeline_is_thinned(house: House, player: Player) -> None:
    required = ("timestampMs", "playbackState", "totalDroppedFrames", "rebufferTimeMs", "rebufferCount")  # fmt: skip
    good = {name: PHONE["timelineEvents"][0][name] for name in required}
    body = report(timelineEvents=[good | {"elapsedMs": n} for n in range(5_100)])

    answer = await player.post(json.dumps(body, separators=(",", ":")))

    assert answer.json()["warnings"] == ["timeline_thinned"]
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FROM playback.session_timeline WHERE session_id = %s", (body["sessionId"],)
        )  # fmt: skip
        assert await cursor.fetchone() == (5_000,)


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: zlib.compress(raw, wbits=-15)),
        ("identity", lambda raw: raw),
    ],
)
async def test_packed_bodies_are_read(player: Player, coding: str, pack: Any) -> None:
    answer = await player.post(pack(json.dumps(report()).encode()), {"Content-Encoding": coding})

    assert answer.json()["result"] == "created"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "APPLICATION/JSON; Charset=UTF-8",
        "application/vnd.m3w+json;charset=utf8;x=y",
    ],
)
async def test_json_has_many_names(player: Player, kind: str) -> None:
    assert (await player.post(report(), {"Content-Type": kind})).status_code == 200


async def test_a_byte_order_mark_is_skipped(player: Player) -> None:
    raw = b"\xef\xbb\xbf" + json.dumps(report()).encode()

    assert (await player.post(raw)).status_code == 200


async def test_of_a_member_that_comes_twice_the_last_counts(house: House, player: Player) -> None:
    body = report()
    text = '{"errorCount":5,' + json.dumps(body)[1:]

    await player.post(text)
    assert (await row_of(house, player, body["sessionId"]))["error_count"] == 0


async def test_repeats_and_late_reports_are_success(player: Player) -> None:
    first, later = report(sessionId="r", timestamp=T), report(sessionId="r", timestamp=T + 1_000)

    results = [(await player.post(body)).json() for body in (first, later, later, first)]

    assert [r["result"] for r in results] == ["created", "updated", "duplicate", "stale"]
    assert [r["revision"] for r in results] == [1, 2, 2, 2]


async def test_a_session_with_contradictions_is_flagged(house: House, player: Player) -> None:
    body = report(playTimeMs=10**9)

    assert (await player.post(body)).status_code == 200
    assert (await row_of(house, player, body["sessionId"]))["flags"] == ["inconsistent"]


async def test_the_latest_time_that_a_report_may_carry_is_stored(
    house: House, player: Player
) -> None:
    for duration_ms in (1, 315_360_000_000):
        sent = report(timestamp=253_402_300_799_999, sessionDurationMs=duration_ms)

        answer = await player.post(sent)

        assert (answer.status_code, answer.json()["result"]) == (200, "created")
