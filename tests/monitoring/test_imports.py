"""Traces of other tools, brought in: the same tables, rules and routes as for the SDK."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import zstandard
from click.testing import CliRunner, Result

from signalbox.core.partitions import maintain
from signalbox.http.answers import printed
from signalbox.monitoring.errors import PayloadTooLarge, UnreadableTrace
from signalbox.monitoring.service import diagnose_conference
from signalbox.monitoring.wire import traces
from signalbox.monitoring.wire.traces import read_trace
from signalbox.site.commands.monitoring import monitoring
from signalbox.site.partitions import coming
from tests.monitoring.conftest import House, Houses
from tests.monitoring.labelled import SETTINGS

DATA = Path(__file__).resolve().parents[1] / "data"
AT_MS = 1_795_204_761_335
Row = Mapping[Any, Any]

FILES = {
    "rtcstats-js-p2p.jsonl": ("rtcstats", 2, 80),
    "rtcstats-legacy-p2p.jsonl": ("rtcstats", 2, 0),
    "webrtc-internals-p2p.json": ("webrtc-internals", 1, 16),
    "webrtc-internals-rtcstats-p2p.txt": ("rtcstats", 2, 28),
}


def content_of(name: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress((DATA / f"{name}.zst").read_bytes())


async def bring(
    house: House, app: Row, content: bytes, headers: dict[str, str] | None = None, **names: str
) -> Any:
    """The answer of an import."""
    headers = headers or await house.bearer(app, "manage", only_app=True)
    query = {"appId": str(app["id"])} | names
    answer = await house.client.post("/v1/imports", params=query, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def ask(house: House, app: Row, path: str, **query: str) -> Any:
    headers = await house.bearer(app, "read")
    answer = await house.client.get(f"/v1{path}", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.parametrize("name", FILES)
async def test_every_kind_of_trace_becomes_a_call(house: House, name: str) -> None:
    app = await house.app()
    kind, links, samples = FILES[name]

    done = await bring(house, app, content_of(name))

    assert (done["format"], done["samples"], done["repeated"]) == (kind, samples, False)
    assert set(done["refused"]) <= {"track_not_found"}, done["refused"]
    call = await ask(house, app, f"/conferences/{done['conference']}")
    assert call["ongoing"] is False
    assert call["duration"] > 10
    connections = await ask(house, app, "/connections", conferenceId=done["conference"])
    assert len(connections) == links
    assert all(one["connection_info"]["negotiations"] for one in connections)
    assert all(
        one["connection_info"]["negotiations"][0]["status"] == "connected" for one in connections
    )
    assert {one["type"] for one in connections} == ({"host"} if samples else {None})
    [session] = await ask(house, app, "/sessions", conferenceId=done["conference"])
    assert session["end_time"] == call["end_time"]
    if "legacy" not in name:
        assert session["platform"]["browser"]["name"] == "Chrome"
        assert session["platform"]["os"]["name"] == "Linux"
    tracks = await ask(house, app, "/tracks", sessionId=session["id"])
    assert {"audio", "video"} == {track["kind"] for track in tracks}
    assert {"inbound", "outbound"} == {track["direction"] for track in tracks}


async def test_the_figures_of_a_trace_are_those_that_it_holds(house: House) -> None:
    app = await house.app()
    done = await bring(
        house, app, content_of("rtcstats-js-p2p.jsonl"), conference="c", user="alice"
    )

    events = await ask(house, app, f"/conferences/{done['conference']}/events", type="stats")

    reports = [event["data"] for event in events if event["data"] and "connection" in event["data"]]
    assert len(reports) == 80
    last = [event for event in reports if event["connection"]["bytesReceived"] == 2073982]
    assert len(last) == 1
    pair = last[0]["connection"]
    assert pair["local"]["candidateType"] == pair["remote"]["candidateType"] == "host"
    assert pair["bytesSent"] == 2637550
    flat = json.dumps(events)
    assert '"framesDecoded": 619' in flat
    assert '"mimeType": "video/VP8"' in flat
    assert done["conference_id"] == "c"
    people = await ask(house, app, "/participants", conferenceId=done["conference"])
    assert {one["participant_id"] for one in people} == {"alice", "alice/PC_0", "alice/PC_1"}


async def test_a_trace_tells_whose_it_is(house: House) -> None:
    app = await house.app()
    done = await bring(house, app, content_of("rtcstats-legacy-p2p.jsonl"))
    assert done["conference_id"] == "conf-1"
    person = await ask(house, app, f"/participants/{done['participant']}")
    assert person["participant_id"] == "alice"


ODD: dict[str, list[list[Any]]] = {
    "a user with NUL": [["identity", None, {"user": "al\0ice", "conference": "\0"}, AT_MS], ["create", None, {}, 1]],
    "a user without Unicode": [["identity", None, {"user": "\ud800"}, AT_MS], ["create", None, {}, 1]],
    "a page with NUL": [["create", None, {"userAgent": "\0\\\0", "x\0": "\ud800"}, AT_MS]],
    "brands without names": [["create", None, {"userAgentData": {"brands": [{"brand": ["x"]}]}}, AT_MS]],
    "a connection with NUL": [["create", "P\0C", {}, AT_MS], ["onicecandidateerror", "P\0C", {"errorText": "\0\ud800"}, 1]],
    "reports of an odd type": [["create", "PC_0", {}, AT_MS], ["g", "PC_0", {"a": {"type": [1], "kind": "audio"}}, 1]],
    "media with NUL": [["navigator.mediaDevices.getUserMediaOnFailure", None, "Not\0Found: \ud800", AT_MS]],
    "tracks with NUL": [["navigator.mediaDevices.getUserMediaOnSuccess", None, [["audio", "a\0", "\0"]], AT_MS]],
}  # fmt: skip


@pytest.mark.parametrize("what", ODD)
async def test_what_no_browser_writes_is_stored_without_it(house: House, what: str) -> None:
    app = await house.app()
    content = "\n".join(map(json.dumps, ODD[what])).encode()

    done = await bring(house, app, content)

    assert done["refused"] == {}
    events = await ask(house, app, f"/conferences/{done['conference']}/events")
    text = json.dumps([done, events, await ask(house, app, f"/sessions/{done['session']}")])
    assert "\\u0000" not in text
    assert "\\ud800" not in text


async def test_text_within_text_of_a_dump_may_hold_what_is_no_unicode(house: House) -> None:
    app = await house.app()
    log = [
        {"type": "setLocalDescriptionOnFailure", "timestamp": AT_MS, "value": '"\\ud800\\u0000"'}
    ]
    dump = {"PeerConnections": {"1-1": {"updateLog": log, "rtcConfiguration": '{"x": "\\ud800"}'}}}

    done = await bring(house, app, json.dumps(dump).encode())

    assert done["refused"] == {}


async def test_a_trace_of_the_future_ends_now(house: House) -> None:
    app = await house.app()
    now = house.clock.now()
    ahead_ms = (now + timedelta(days=1000)).timestamp() * 1000
    lines: list[list[Any]] = [
        ["create", None, {}, ahead_ms],
        ["create", "PC_0", {}, 5_000],
        ["close", "PC_0", None, 5_000],
    ]

    done = await bring(house, app, "\n".join(map(json.dumps, lines)).encode())

    session = await ask(house, app, f"/sessions/{done['session']}")
    assert session["end_time"] == printed(now)
    assert session["created_at"] == printed(now - timedelta(seconds=10))


async def test_a_file_is_taken_once(house: House) -> None:
    app = await house.app()
    content = content_of("webrtc-internals-p2p.json")
    first = await bring(house, app, content)
    before = await ask(house, app, f"/conferences/{first['conference']}/events")

    second = await bring(house, app, content)

    assert second == first | {"repeated": True}
    assert await ask(house, app, f"/conferences/{first['conference']}/events") == before
    both = await asyncio.gather(*(bring(house, app, content, conference="other") for _ in range(2)))
    assert sorted(one["repeated"] for one in both) == [False, True]
    assert both[0]["conference"] == both[1]["conference"] != first["conference"]
    sessions = await ask(house, app, "/sessions", conferenceId=both[0]["conference"])
    assert len(sessions) == 1


async def test_masks_hold_for_traces_too(house: House) -> None:
    app = await house.app(masks=["addresses", "sdp", "devices"])
    done = await bring(house, app, content_of("rtcstats-js-p2p.jsonl"))
    text = json.dumps(await ask(house, app, f"/conferences/{done['conference']}/events"))
    assert "127.0.0.0" in text
    assert "127.0.0.1" not in text
    assert "ice-pwd:*" in text
    assert "Fake" not in text


START = '["create",null,{},1795204761335]'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", {"reason": "the file is empty"}),
        (b"nonsense", {"line": 1, "reason": "it is no JSON"}),
        (b"[39,null,{},1e999]", {"line": 1, "reason": "it is no JSON"}),
        (b"{}", {"line": 1, "reason": "it is neither an event nor a recorded message"}),
        (b'{"PeerConnections": 7}', {"reason": "PeerConnections is missing"}),
        (b'{"PeerConnections": {"a": 7}}', {"reason": "PeerConnections.a is no object"}),
        (b'{"PeerConnections": {}}', {"reason": "it holds no event"}),
        (f"{START}\n[1".encode(), {"line": 2, "reason": "it is no JSON"}),
        (f"{START}\n\n[39,7,{{}},5]".encode(), {"line": 3, "reason": "the connection is no text"}),
        (f"{START}\n[39]".encode(), {"line": 2, "reason": "not a list of method, connection, value and time"}),
        (f'{START}\n["x",null,1,"t"]'.encode(), {"line": 2, "reason": "the time is no number"}),
        (f"{START}\n[true,null,1,1]".encode(), {"line": 2, "reason": "the method is neither a name nor a number"}),
        (f'{START}\n["g","PC_0",[],1]'.encode(), {"line": 2, "reason": "stats without a connection or a report"}),
        (b'["x",null,1,5]', {"line": 1, "reason": "the trace begins without an instant"}),
        (b'RTCStatsDump\n{"fileFormat":3}\n', {"reason": "it holds no event"}),
        (gzip.compress(b"x" * 100, mtime=0)[:-20], {"reason": "the file is cut off"}),
        (b"\x1f\x8bnonsense", {"reason": "the file is damaged"}),
        (gzip.compress(b"x", mtime=0) + b"more", {"reason": "the file is damaged"}),
        (gzip.compress(b"x", mtime=0) + gzip.compress(b"y", mtime=0)[:-4], {"reason": "the file is cut off"}),
    ],
)  # fmt: skip
async def test_a_bad_file_is_refused_by_its_line(
    house: House, content: bytes, told: dict[str, Any]
) -> None:
    app = await house.app()
    headers = await house.bearer(app, "manage")
    path = f"/v1/imports?appId={app['id']}"
    answer = await house.client.post(path, content=content, headers=headers)
    assert answer.status_code == 400
    body = answer.json()
    assert body["error_code"] == "invalid_trace"
    assert {key: body[key] for key in ("line", "reason") if key in body} == told
    async with house.db.read() as tx:
        sql = "SELECT 1 FROM monitoring.conferences WHERE app_id = %s"
        assert await (await tx.psycopg.execute(sql, (app["id"],))).fetchall() == []


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "MAX_UNPACKED_BYTES", 10_000)
    with pytest.raises(PayloadTooLarge):
        read_trace(gzip.compress(b" " * 20_000))
    with pytest.raises(PayloadTooLarge):
        read_trace(gzip.compress(b" " * 6_000) * 2)
    for content in (gzip.compress(b" " * 9_000), gzip.compress(b" " * 5_000) * 2):
        with pytest.raises(UnreadableTrace):
            read_trace(content)


async def test_a_file_of_several_gzipped_parts_is_read_to_its_end(house: House) -> None:
    """As `cat` and programs that log make them (RFC 1952, 2.2)."""
    app = await house.app()
    lines = content_of("rtcstats-js-p2p.jsonl").splitlines(keepends=True)
    middle = len(lines) // 2
    parts = b"".join(gzip.compress(b"".join(part)) for part in (lines[:middle], lines[middle:]))

    in_parts = await bring(house, app, parts, conference="parts")
    whole = await bring(house, app, b"".join(lines), conference="whole")

    assert in_parts["samples"] == whole["samples"] > 0
    assert in_parts["events"] == whole["events"]


@pytest.mark.parametrize(
    "content", [b"[" + b"{}," * 50 + b"{}]", b"[" * 50 + b"]" * 50, b"[" + b"1," * 99 + b"1]"]
)
async def test_a_file_of_too_many_values_is_refused_before_it_is_read(
    house: House, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(traces, "MAX_LISTS", 40)
    monkeypatch.setattr(traces, "MAX_VALUES", 90)
    app = await house.app()
    headers = await house.bearer(app, "manage", only_app=True)

    for body in (content, gzip.compress(content)):
        answer = await house.client.post(
            "/v1/imports", params={"appId": str(app["id"])}, content=body, headers=headers
        )
        assert (answer.status_code, answer.json()["error_code"]) == (413, "payload_too_large")


async def test_who_may_import(house: House) -> None:
    app, other = await house.app(), await house.app()
    content = content_of("rtcstats-legacy-p2p.jsonl")
    for headers, status, code in (
        ({}, 401, "missing_token"),
        (await house.bearer(app, "read"), 403, "insufficient_scope"),
        (await house.bearer(other, "manage"), 404, "app_not_found"),
    ):
        for body in (content, b"what nobody would read"):
            answer = await house.client.post(
                f"/v1/imports?appId={app['id']}", content=body, headers=headers
            )
            assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    headers = await house.bearer(app, "manage")
    for query, code in (("", "missing_parameters"), ("?appId=x", "invalid_parameters")):
        answer = await house.client.post(f"/v1/imports{query}", content=content, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (400, code)


async def test_old_traces_without_timestamps_and_with_failures(house: House) -> None:
    app = await house.app()
    span = {"startTime": "2026-03-02T09:00:00.000Z", "endTime": "2026-03-02T09:00:02.000Z"}
    pair = span | {"statsType": "candidate-pair"}
    dump = {
        "getUserMedia": [
            {"request_type": "getUserMedia", "timestamp": 1772442000000, "audio": "", "video": ""},
            {"request_type": "getUserMedia", "timestamp": 1772442000001, "error": "NotAllowedError", "error_message": "no"},
        ],
        "PeerConnections": {
            "1-1": {
                "rtcConfiguration": '{"iceServers":[{"urls":"turn:t","credential":"secret"}]}',
                "updateLog": [{"time": "2026-03-02T09:00:00+00:00", "type": "createOfferOnFailure", "value": "OperationError: x"}],
                "stats": {
                    "P-nominated": pair | {"values": "[true,true,true]"},
                    "P-state": pair | {"values": '["succeeded","succeeded","succeeded"]'},
                    "P-bytesReceived": pair | {"values": "[10,20]"},
                },
            }
        },
        "UserAgent": "Mozilla/5.0 Firefox/150.0",
    }  # fmt: skip

    done = await bring(house, app, json.dumps(dump).encode())

    assert (done["samples"], done["refused"]) == (3, {})
    issues = await ask(house, app, "/issues", conferenceId=done["conference"])
    assert {"getusermedia_error", "no_media_access"} <= {issue["code"] for issue in issues}
    events = await ask(house, app, f"/conferences/{done['conference']}/events")
    assert "secret" not in json.dumps(events)
    assert "createOfferOnFailure" in {event["type"] for event in events}
    [session] = await ask(house, app, "/sessions", conferenceId=done["conference"])
    assert session["platform"]["browser"] == {"name": "Firefox", "version": "150.0"}
    [link] = await ask(house, app, "/connections", conferenceId=done["conference"])
    assert link["state"] == "connected"


async def test_an_operator_imports_a_file(house: House, tmp_path: Path) -> None:
    app = await house.app()
    path = tmp_path / "dump.gz"
    path.write_bytes(gzip.compress(content_of("webrtc-internals-p2p.json")))

    def run(*args: str) -> Result:
        environ = {"SIGNALBOX_DATABASE_URL": house.db.url}
        return CliRunner().invoke(monitoring, ["import", *args], env=environ)

    async with await house.db.connect() as connection:  # a command goes by the real clock
        settings = house.site.kernel.settings
        await maintain(connection, coming(settings), at=datetime.now(UTC))
    done = await asyncio.to_thread(run, str(path), "--app", str(app["id"]), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["samples"] == 16
    path.write_bytes(b"nonsense")
    refused = await asyncio.to_thread(run, str(path), "--app", str(app["id"]))
    assert refused.exit_code == 1
    assert "line: 1" in refused.output


@pytest.mark.parametrize("name", ["rtcstats-js-p2p.jsonl", "webrtc-internals-p2p.json"])
async def test_graphs_figures_and_diagnosis_work_on_a_trace(houses: Houses, name: str) -> None:
    async with houses() as house:
        house.clock.set(datetime(2026, 11, 22, tzinfo=UTC))  # after the traces
        await look_at(house, name)


async def look_at(house: House, name: str) -> None:
    app = await house.app()
    done = await bring(house, app, content_of(name))
    conference, headers = done["conference"], await house.bearer(app, "read")

    async def get(path: str) -> Any:
        answer = await house.client.get(f"/v1/conferences/{conference}/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert len(json.dumps(await get("graphs"))) > 10_000
    figures = json.dumps(await get("figures?kind=video&direction=inbound"))
    assert '"fps"' in figures
    await diagnose_conference(house.db, UUID(conference), settings=SETTINGS, at=house.clock.now())
    diagnosis = await get("diagnosis")
    assert json.dumps(diagnosis).count("score") >= 1
