"""GET /conferences/<id>/figures: equal to what the reports say, by interval and by minute, in every part that can be asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from signalbox.monitoring.queries import figures as queries
from signalbox.monitoring.rules.intervals import intervals
from signalbox.monitoring.service import series
from tests.monitoring.conftest import House, Houses
from tests.monitoring.figuring import Played, key_of, play
from tests.monitoring.rules.test_intervals import recorded


@pytest.fixture(scope="module")
async def house(houses: Houses) -> AsyncIterator[House]:
    async with houses() as opened:
        yield opened


@pytest.fixture(scope="module")
async def call(house: House) -> Played:
    return await play(house, "two-participants")


def path(call: Played) -> str:
    return f"conferences/{call.conference}/figures"


def lines_of(found: Any, kind: str, direction: str | None) -> list[Any]:
    return [x for x in found["lines"] if (x["kind"], x["direction"]) == (kind, direction)]


async def test_intervals_are_those_of_the_reports(call: Played) -> None:
    found = await call.data(path(call), resolution="interval")

    wanted: dict[str, list[Any]] = {}
    for readings in recorded("two-participants").values():
        for interval in intervals(readings):
            for flow in interval.flows:
                wanted.setdefault(flow.key, []).append(flow)
    lines = {line["key"]: line for line in found["lines"] if line["key"]}
    assert lines.keys() == wanted.keys()
    for key, flows in wanted.items():
        points = lines[key]["points"]
        assert [p["seconds"] for p in points] == [flow.seconds for flow in flows]
        for name in (
            "bitrate_bps",
            "loss_ratio",
            "fps",
            "jitter_ms",
            "rtt_ms",
            "emos",
            "codec",
            "limitation",
        ):
            assert [p.get(name) for p in points] == [getattr(flow, name) for flow in flows], name
    assert (found["resolution_s"], len(lines_of(found, "connection", None))) == (None, 2)
    assert all(line["track"] for line in found["lines"] if line["kind"] != "connection")


@pytest.mark.parametrize("resolution", ["60", "120", "7"])
async def test_sums_are_the_same_at_every_resolution(call: Played, resolution: str) -> None:
    fine = await call.data(path(call), resolution="interval")
    coarse = await call.data(path(call), resolution=resolution)

    assert coarse["resolution_s"] == float(resolution)
    assert len(coarse["totals"]) == len(fine["totals"]) == 5 * (1 + 2 + 2)
    for have, want in zip(coarse["totals"], fine["totals"], strict=True):
        assert have["seconds"] == pytest.approx(want["seconds"])
        assert have["figures"].keys() == want["figures"].keys()
        for name, spread in want["figures"].items():
            assert have["figures"][name]["mean"] == pytest.approx(spread["mean"]), name


async def test_a_mean_is_weighted_by_what_it_is_of(call: Played) -> None:
    found = await call.data(path(call), kind="video", direction="inbound", resolution="interval")

    for line in found["lines"]:
        (total,) = [t for t in found["totals"] if t["connection"] == line["connection"]]
        lost = sum(p["lost"] for p in line["points"])
        expected = sum(p["expected"] for p in line["points"])
        seconds = sum(p["seconds"] for p in line["points"])
        bits = sum(p["bitrate_bps"] * p["seconds"] for p in line["points"])
        assert total["figures"]["loss_ratio"]["mean"] == pytest.approx(lost / expected)
        assert total["figures"]["bitrate_bps"]["mean"] == pytest.approx(bits / seconds)
        rates = sorted(p["fps"] for p in line["points"])
        assert rates[0] <= total["figures"]["fps"]["p50"] <= total["figures"]["fps"]["p99"]
        assert total["figures"]["fps"]["p99"] in rates


async def test_parts_can_be_asked_for(call: Played) -> None:
    whole = await call.data(path(call), resolution="60")
    line = lines_of(whole, "video", "inbound")[0]

    for name, value in (
        ("participantId", line["participant"]),
        ("connectionId", line["connection"]),
    ):
        for resolution in ("60", "interval"):
            found = await call.data(path(call), **{name: value}, resolution=resolution)
            assert {x[name[:-2]] for x in found["lines"]} == {value}
            assert len(found["lines"]) == 5
    for resolution in ("60", "interval"):
        found = await call.data(path(call), track=line["track"], resolution=resolution)
        assert [x["key"] for x in found["lines"]] == [line["key"]]
        found = await call.data(path(call), kind="audio", resolution=resolution)
        assert {x["direction"] for x in found["lines"]} == {"inbound", "outbound"}
        found = await call.data(path(call), direction="outbound", resolution=resolution)
        assert {x["kind"] for x in found["lines"]} == {"audio", "video"}


async def test_a_stretch_can_be_asked_for(call: Played) -> None:
    whole = await call.data(path(call), kind="connection")
    begin = datetime.fromisoformat(whole["from"]) + timedelta(seconds=10)
    end = begin + timedelta(seconds=10)
    found = await call.data(
        path(call), **{"from": begin.isoformat(), "to": end.isoformat()}, kind="connection"
    )

    points = [p for line in found["lines"] for p in line["points"]]
    assert 0 < len(points) < sum(len(line["points"]) for line in whole["lines"])
    assert all(datetime.fromisoformat(p["to"]) > begin for p in points)
    assert all(datetime.fromisoformat(p["from"]) < end for p in points)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"resolution": "0"}, "resolution"),
        ({"resolution": "90000"}, "resolution"),
        ({"resolution": "1.5"}, "resolution"),
        ({"resolution": "x"}, "resolution"),
        ({"kind": "data"}, "kind"),
        ({"direction": "up"}, "direction"),
        ({"kind": "connection", "direction": "inbound"}, "direction"),
        ({"participantId": "x"}, "participantId"),
        ({"connectionId": "x"}, "connectionId"),
        ({"track": "x"}, "track"),
        ({"from": "x"}, "from"),
        ({"to": "x"}, "to"),
        ({"from": "2099-01-01"}, "from"),
        ({"to": "1999-01-01"}, "to"),
    ],
)
async def test_what_cannot_be_is_refused(
    call: Played, parameters: dict[str, str], field: str
) -> None:
    answer = await call.get(path(call), **parameters)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_parameters")
    assert answer.json()["field"] == field


async def test_too_many_reports_are_refused(call: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_REPORTS", 3)
    answer = await call.get(path(call), resolution="interval")

    assert (answer.status_code, answer.json()["field"]) == (400, "resolution")
    assert (await call.get(path(call), resolution="60")).status_code == 200


async def test_too_many_points_are_refused(call: Played, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = (await call.data(path(call), resolution="interval"))["lines"]
    monkeypatch.setattr(series, "MOST_POINTS", sum(len(line["points"]) for line in lines))
    answer = await call.get(path(call), resolution="1")

    assert (answer.status_code, answer.json()["field"]) == (400, "resolution")
    assert (await call.get(path(call), resolution="interval")).status_code == 200
    monkeypatch.setattr(series, "MOST_POINTS", 1)
    assert (await call.get(path(call), resolution="interval")).status_code == 400


async def test_strangers_do_not_find_it(call: Played, house: House) -> None:
    stranger = await key_of(house, (await house.app())["organization_id"])
    own = await play(house, "endcall")
    theirs = (await own.data(path(own)))["lines"][0]

    answer = await house.client.get(f"/v1/{path(call)}", headers=stranger)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "conference_not_found")
    assert (await house.client.get(f"/v1/{path(call)}")).status_code == 401
    for name in ("participant", "connection"):
        refused = await call.get(path(call), **{f"{name}Id": theirs[name]})
        assert refused.json()["error_code"] == f"{name}_not_found"
    assert (await call.data(path(call), track=theirs["track"]))["lines"] == []


async def test_a_call_without_reports_has_no_figures(house: House) -> None:
    app = await house.app()
    entry = {"apiKey": app["api_key"], "conferenceId": "quiet", "userId": "u"}
    await house.client.post("/v1/initialize", json=entry)
    key = await key_of(house, app["organization_id"])
    listed = await house.client.get(
        "/v1/conferences", params={"appId": str(app["id"])}, headers=key
    )
    (conference,) = listed.json()["data"]

    answer = await house.client.get(f"/v1/conferences/{conference['id']}/figures", headers=key)

    assert (answer.json()["data"]["lines"], answer.json()["data"]["totals"]) == ([], [])
