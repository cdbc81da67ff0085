"""GET /conferences/<id>/figures/columns: what /figures tells, point for point, rounded to what a chart can show."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from signalbox.monitoring.service.drawing import digits_of
from tests.monitoring.conftest import House, Houses
from tests.monitoring.figuring import Played, key_of, play

OF_LINE = ("participant", "session", "peer", "connection", "track", "kind", "direction", "key")


@pytest.fixture(scope="module")
async def house(houses: Houses) -> AsyncIterator[House]:
    async with houses() as opened:
        yield opened


@pytest.fixture(scope="module")
async def call(house: House) -> Played:
    return await play(house, "two-participants")


def path(call: Played, more: str = "/columns") -> str:
    return f"conferences/{call.conference}/figures{more}"


def places(line: Any) -> tuple[Any, ...]:
    return tuple(line[name] for name in OF_LINE)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def rounded(name: str, value: Any) -> Any:
    return round(value, digits_of(name)) if isinstance(value, float) else value


@pytest.mark.parametrize("resolution", ["60", "120", "7", "interval"])
async def test_columns_are_the_points_of_the_lines(call: Played, resolution: str) -> None:
    wanted = await call.data(path(call, ""), resolution=resolution)
    found = await call.data(path(call), resolution=resolution)

    assert {name: found[name] for name in ("conference", "from", "to", "resolution_s")} == {
        name: wanted[name] for name in ("conference", "from", "to", "resolution_s")
    }
    assert [places(line) for line in found["lines"]] == [places(line) for line in wanted["lines"]]
    assert len(found["lines"]) == 10
    for have, want in zip(found["lines"], wanted["lines"], strict=True):
        points, begin = want["points"], ms(found["from"])
        assert [begin + at for at in have["begins_ms"]] == [ms(p["from"]) for p in points]
        assert [begin + at for at in have["ends_ms"]] == [ms(p["to"]) for p in points]
        names = {name for point in points for name in point} - {"from", "to"}
        assert have["figures"].keys() == names
        for name in names:
            assert have["figures"][name] == [rounded(name, p.get(name)) for p in points], name


async def test_parts_can_be_asked_for(call: Played) -> None:
    whole = await call.data(path(call), resolution="60")
    line = next(x for x in whole["lines"] if x["kind"] == "video" and x["direction"] == "inbound")

    for resolution in ("60", "interval"):
        own = {"participantId": line["participant"], "resolution": resolution}
        found = (await call.data(path(call), **own))["lines"]
        assert (len(found), {x["participant"] for x in found}) == (5, {line["participant"]})
        found = (await call.data(path(call), track=line["track"], resolution=resolution))["lines"]
        assert [places(x) for x in found] == [places(line)]


async def test_what_cannot_be_is_refused(call: Played) -> None:
    for name, value in (("resolution", "0"), ("kind", "data"), ("to", "1999-01-01")):
        answer = await call.get(path(call), **{name: value})
        assert (answer.status_code, answer.json()["field"]) == (400, name)


async def test_strangers_do_not_find_it(call: Played, house: House) -> None:
    stranger = await key_of(house, (await house.app())["organization_id"])

    answer = await house.client.get(f"/v1/{path(call)}", headers=stranger)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "conference_not_found")
    assert (await house.client.get(f"/v1/{path(call)}")).status_code == 401
