"""What filters can be set to, and the issues of an app by code."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from httpx import AsyncClient

from signalbox.core.clock import ManualClock
from signalbox.core.ids import new_id
from tests.monitoring.reading.conftest import AT, World

CHROME = {"browser": {"name": "Chrome", "version": "140"}, "os": {"name": "Linux"}}


async def session(world: World, days: float = 0, **values: Any) -> None:
    await world.put(
        "sessions", **world.owned(AT - timedelta(days=days)), conference_id=world.ids["conference"],
        participant_id=world.ids["noor"], last_seen_at=AT, **values,
    )  # fmt: skip


async def known(alice: AsyncClient, world: World, **query: str) -> dict[str, Any]:
    answer = await alice.get(f"/v1/apps/{world.app}/dimensions", params=query)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def values(data: dict[str, Any], name: str) -> dict[str, int]:
    (found,) = [one for one in data["dimensions"] if one["name"] == name]
    return {one["value"]: one["count"] for one in found["values"]}


async def test_the_values_of_sessions_are_known_with_their_counts(
    alice: AsyncClient, world: World
) -> None:
    """Beside the one of the stand-up, which is of the plan `pro`, too."""
    for plan in ("pro", "pro", "free"):
        await session(world, platform=CHROME, app_version="3.1", metadata={"plan": plan, "n": 7})
    await session(world, days=40, app_version="0.1", geo_ip={"country_code": "FR"})

    data = await known(alice, world)

    assert values(data, "browser")["Chrome"] >= 3
    assert values(data, "app_version")["3.1"] == 3
    assert "0.1" not in values(data, "app_version")
    assert values(data, "meta.plan") == {"pro": 3, "free": 1}
    assert values(data, "meta.n") == {"7": 3}
    assert sum(values(data, "country").values()) == data["sessions"]
    names = [one["name"] for one in data["dimensions"]]
    assert names[:5] == ["app_version", "browser", "os", "country", "webrtc_sdk"]
    assert data["sampled"] == data["sessions"]


@pytest.mark.parametrize(
    "odd",
    ["می\u200cخواهم", "👨\u200d👩\u200d👧", "1.0\u00a0b", "two\nlines", "' OR 1=1 --", "100%_", 'a"b\\', "{}"],
)  # fmt: skip
async def test_whatever_value_is_told_can_be_filtered_by(
    alice: AsyncClient, world: World, odd: str
) -> None:
    platform = {"browser": {"name": odd}, "os": {"name": odd}}
    await session(world, platform=platform, app_version=odd, metadata={"plan": odd, odd: "x"})

    data = await known(alice, world)

    for name in ("app_version", "browser", "os", "meta.plan"):
        assert values(data, name)[odd] == 1
        for path in ("sessions/summary", "conferences", "conferences/summary", "figures"):
            answer = await alice.get(f"/v1/{path}", params={"appId": str(world.app), name: odd})
            assert answer.status_code == 200, (path, name, answer.text)
        chart = await alice.get("/v1/sessions/summary", params={"appId": str(world.app), name: odd})
        assert [one["count"] for one in chart.json()["browsers"]] == [1], name
    by_key = {"appId": str(world.app), f"meta.{odd}": "x", "group_by": f"meta.{odd}"}
    assert (await alice.get("/v1/figures", params=by_key)).status_code == 200


async def test_bounds_choose_the_sessions(alice: AsyncClient, world: World) -> None:
    await session(world, days=40, app_version="0.1", geo_ip={"country_code": "FR"})

    data = await known(
        alice, world, created_at_gte="2026-10-01", created_at_lt="2026-11-01T00:00:00Z"
    )

    assert (data["sessions"], values(data, "app_version")) == (1, {"0.1": 1})
    assert values(data, "country") == {"FR": 1}
    assert values(data, "browser") == {"Unknown": 1}


async def test_a_long_list_of_values_is_cut_and_says_so(alice: AsyncClient, world: World) -> None:
    for number in range(52):
        await session(world, app_version=f"v{number:02}", metadata={"id": str(number)})

    data = await known(alice, world)

    for name in ("app_version", "meta.id"):
        (found,) = [one for one in data["dimensions"] if one["name"] == name]
        assert (len(found["values"]), found["others"] >= 2) == (50, True)


async def test_a_stranger_knows_nothing(alice: AsyncClient, world: World) -> None:
    path = f"/v1/apps/{world.app}/dimensions"
    for answer in (
        await alice.get(path, headers=world.charlie),
        await alice.get(f"/v1/apps/{new_id()}/dimensions"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (404, "app_not_found")
    alice.headers.pop("Authorization")
    assert (await alice.get(path)).status_code == 401


async def groups(alice: AsyncClient, world: World, **query: str) -> dict[str, Any]:
    answer = await alice.get("/v1/issues/groups", params={"appId": str(world.app), **query})
    assert answer.status_code == 200, answer.text
    return {one["code"]: one for one in answer.json()["data"]}


async def test_issues_are_grouped_by_code_with_days_and_examples(
    alice: AsyncClient, world: World, clock: ManualClock
) -> None:
    other = await world.conference("other")
    made = [await world.issue("error", "ice_failed", AT - timedelta(hours=n)) for n in (1, 2, 30)]
    made.append(await world.issue("error", "ice_failed", AT, conference_id=other))

    found = (await groups(alice, world))["ice_failed"]

    assert (found["count"], found["conferences"], found["type"]) == (4, 2, "error")
    assert found["title"] == "No network path was found"
    assert found["days"] == [
        {"date": "2026-11-20", "count": 1},
        {"date": "2026-11-21", "count": 3},
    ]
    assert found["last_at"] == "2026-11-21T12:00:00.000000Z"
    newest = [one["id"] for one in found["newest"]]
    assert newest == [str(made[3]), str(made[0]), str(made[1])]
    assert found["newest"][0]["conference"] == str(other)
    early = await groups(alice, world, created_at_lt="2026-11-21")
    assert (early["ice_failed"]["count"], len(early["ice_failed"]["newest"])) == (1, 1)
    await world.issue("error", "ice_failed", AT)
    assert (await groups(alice, world))["ice_failed"]["count"] == 4  # still remembered
    clock.advance(61)
    assert (await groups(alice, world))["ice_failed"]["count"] == 5


async def test_the_most_frequent_code_comes_first_and_filters_hold(
    alice: AsyncClient, world: World
) -> None:
    for _ in range(3):
        await world.issue("warning", "low_emos")

    assert next(iter(await groups(alice, world))) == "low_emos"
    assert await groups(alice, world, app_version="none such") == {}
    assert (await groups(alice, world, webrtc_sdk="Unknown"))["low_emos"]["count"] == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [({}, "missing_parameters"), ({"appId": "x"}, "invalid_parameters")],
)
async def test_groups_need_an_app(alice: AsyncClient, query: dict[str, str], code: str) -> None:
    answer = await alice.get("/v1/issues/groups", params=query)

    assert (answer.status_code, answer.json()["error_code"]) == (400, code)


async def test_a_stranger_sees_no_groups(alice: AsyncClient, world: World) -> None:
    await groups(alice, world)  # remembered now, for those who may see it

    answer = await alice.get(
        "/v1/issues/groups", params={"appId": str(world.app)}, headers=world.charlie
    )

    assert (answer.status_code, answer.json()["error_code"]) == (400, "app_not_found")
