"""GET /figures and /figures/compare: equal to what the minutes say, from rollups or without, for every property, and only for whom the app belongs to."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg.types.json import Jsonb

from signalbox.core.db import Database
from signalbox.monitoring.rules.measures import CONNECTION, FLOW_NAMES, NAMES, Minute
from signalbox.monitoring.service import finish_days, roll_up
from signalbox.monitoring.service import rollups as service
from signalbox.monitoring.store.minutes import Stretch, write_minutes
from tests.monitoring.conftest import House, Houses
from tests.monitoring.figuring import key_of

NOW = datetime(2026, 3, 10, 10, 20, tzinfo=UTC)
BEGIN = datetime(2026, 3, 6, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Seen:
    """A minute of a flow as it was made, with the properties of its session."""

    at: datetime
    flow: int
    session: UUID
    conference: UUID
    seconds: float
    sums: list[tuple[float, float] | None]
    properties: Mapping[str, str]


@dataclass
class Made:
    """An app with calls of five days."""

    house: House
    app: UUID
    key: dict[str, str]
    seen: list[Seen] = field(default_factory=list)

    async def get(self, path: str, **parameters: Any) -> Any:
        given = {"appId": str(self.app), **parameters}
        return await self.house.client.get(f"/v1/{path}", params=given, headers=self.key)

    async def data(self, path: str, **parameters: Any) -> Any:
        answer = await self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


_SESSION = """
    INSERT INTO monitoring.sessions (id, app_id, organization_id, created_at, last_seen_at, conference_id, participant_id, platform, metadata, geo_ip,
        app_version) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_CONFERENCE = """
    INSERT INTO monitoring.conferences (id, app_id, organization_id, created_at, last_seen_at, conference_id) VALUES (%s, %s, %s, %s, %s, %s)"""
_PERSON = """
    INSERT INTO monitoring.participants (id, app_id, organization_id, created_at, participant_id) VALUES (%s, %s, %s, %s, %s)"""


async def make(house: House, *, calls: int, random_state: int = 5) -> Made:
    """Calls at any time of five days, some over midnight, their minutes written as the worker writes them."""
    dice = random.Random(random_state)
    app = await house.app()
    made = Made(house, UUID(str(app["id"])), await key_of(house, app["organization_id"]))
    owned = (app["id"], app["organization_id"])
    async with house.db.begin() as tx:
        person = uuid4()
        await tx.psycopg.execute(_PERSON, (person, *owned, BEGIN, "p"))
        for number in range(calls):
            at = BEGIN + timedelta(minutes=dice.randrange(4 * 1440 + 600))
            conference = uuid4()
            await tx.psycopg.execute(_CONFERENCE, (conference, *owned, at, at, f"c{number}"))
            for _ in range(2):
                properties = {
                    "browser": dice.choice(["Chrome", "Firefox", "Unknown"]),
                    "app_version": dice.choice(["1.0", "2.0"]),
                    "country": dice.choice(["DE", "Unknown"]),
                    "meta.plan": dice.choice(["pro", "free", "Unknown"]),
                    "relay": dice.choice(["relayed", "direct", "Unknown"]),
                    "network_type": dice.choice(["wifi", "Unknown"]),
                    "os": "Unknown",
                    "webrtc_sdk": "Unknown",
                }
                session = uuid4()
                told = {k: None if v == "Unknown" else v for k, v in properties.items()}
                platform = {"browser": {"name": told["browser"]}} if told["browser"] else {}
                await tx.psycopg.execute(
                    _SESSION,
                    (session, *owned, at, at, conference, person, Jsonb(platform),
                     Jsonb({"plan": told["meta.plan"]} if told["meta.plan"] else {}),
                     Jsonb({"country_code": told["country"]}) if told["country"] else None, told["app_version"]),
                )  # fmt: skip
                minutes = _minutes(dice, told, properties)
                stretch = Stretch(made.app, conference, person, session, person, uuid4(), at, at + timedelta(minutes=len(minutes)),
                                  [(at + timedelta(minutes=n), m) for n, part in enumerate(minutes) for m in part])  # fmt: skip
                await write_minutes(tx.psycopg, [stretch])
                made.seen += [
                    Seen(when, m.flow, session, conference, m.seconds, m.sums, properties)
                    for when, m in stretch.minutes
                ]
    return made


def _minutes(
    dice: random.Random, told: Mapping[str, Any], properties: Mapping[str, str]
) -> list[list[Minute]]:
    relayed = {"relayed": True, "direct": False}.get(properties["relay"])
    found = []
    for _ in range(dice.randrange(1, 90)):
        part = []
        for flow in range(CONNECTION + 1):
            sums = [_sum(dice) for _ in NAMES[flow]]
            part.append(
                Minute(0, flow, "k", None, relayed, told["network_type"], dice.uniform(5, 60), sums)
            )
        found.append(part)
    return found


def _sum(dice: random.Random) -> tuple[float, float] | None:
    if dice.random() < 0.2:
        return None
    weight = dice.uniform(0, 100)
    return (0.0 if dice.random() < 0.3 else dice.lognormvariate(0, 2) * weight, weight)


@pytest.fixture(scope="module")
async def house(houses: Houses) -> AsyncIterator[House]:
    async with houses() as opened:
        opened.clock.set(NOW)
        yield opened


@pytest.fixture(scope="module")
async def made(house: House) -> Made:
    return await make(house, calls=25)


async def all_rolled_up(db: Database) -> None:
    while await roll_up(db, at=NOW):
        pass
    await finish_days(db, at=NOW)


Wanted = dict[tuple[str | None, datetime | None], dict[int, list[Seen]]]


def expected(seen: list[Seen], group_by: str | None, unit: str) -> Wanted:
    """By value, and by hour or day, the minutes of each flow."""
    found: Wanted = defaultdict(lambda: defaultdict(list))
    for one in seen:
        value = one.properties[group_by] if group_by else None
        keys: list[datetime | None] = [None]
        if unit != "none":
            at = one.at.replace(minute=0)
            keys.append(at if unit == "hour" else at.replace(hour=0))
        for key in keys:
            found[value, key][one.flow].append(one)
    return found


def check_flows(flows: list[Any], wanted: Mapping[int, list[Seen]]) -> None:
    assert len(flows) == len(wanted)
    for found in flows:
        flow = FLOW_NAMES.index((found["kind"], found["direction"]))
        seen = wanted[flow]
        assert found["seconds"] == pytest.approx(sum(one.seconds for one in seen))
        for place, name in enumerate(NAMES[flow]):
            parts = [(one.sums[place], one.seconds) for one in seen]
            known = [(s[0] / s[1], s, seconds) for s, seconds in parts if s and s[1] > 0]
            if not known:
                assert name not in found["figures"]
                continue
            spread = found["figures"][name]
            total = sum(s[0] for _, s, _ in known) / sum(s[1] for _, s, _ in known)
            assert spread["mean"] == pytest.approx(total, rel=1e-9)
            for share in (50, 75, 90, 95, 99):
                low, high = around([(v, seconds) for v, _, seconds in known], share / 100)
                assert low * 0.974 - 1e-6 <= spread[f"p{share}"] <= high * 1.026 + 1e-6, name


def around(values: list[tuple[float, float]], share: float) -> tuple[float, float]:
    """The percentile; two values where the last digits of a sum decide between them."""
    ordered = sorted(values)
    goal = share * sum(seconds for _, seconds in ordered)
    reached, found = 0.0, []
    for value, seconds in ordered:
        if reached - 1e-6 <= goal <= reached + seconds + 1e-6:
            found.append(value)
        reached += seconds
    return found[0], found[-1]


PROPERTIES = [
    None,
    "browser",
    "app_version",
    "country",
    "os",
    "webrtc_sdk",
    "network_type",
    "relay",
    "meta.plan",
]


@pytest.mark.parametrize("group_by", PROPERTIES)
@pytest.mark.parametrize("unit", ["none", "day", "hour"])
async def test_figures_are_those_of_the_minutes(
    made: Made, group_by: str | None, unit: str
) -> None:
    """Some hours are rolled up, some not: whichever order the tests run in, the last hour never is."""
    parameters = {"from": BEGIN.isoformat(), "series": unit}
    if group_by:
        parameters["group_by"] = group_by
    if group_by == "relay":
        await all_rolled_up(made.house.db)
    found = await made.data("figures", **parameters)

    wanted = expected(made.seen, group_by, unit)
    assert {group["value"] for group in found["groups"]} == {value for value, _ in wanted}
    for group in found["groups"]:
        check_flows(group["flows"], wanted[group["value"], None])
        times = {at for value, at in wanted if value == group["value"] and at is not None}
        assert {datetime.fromisoformat(point["at"]) for point in group["series"]} == times
        for point in group["series"]:
            at = datetime.fromisoformat(point["at"])
            check_flows(point["flows"], wanted[group["value"], at])


async def test_rollups_say_what_minutes_say(house: House) -> None:
    made = await make(house, calls=12, random_state=8)
    span = {"from": "2026-03-06T00:00", "group_by": "browser", "series": "day"}
    before = await made.data("figures", **span)
    await all_rolled_up(house.db)
    house.clock.advance(61)
    after = await made.data("figures", **span)
    house.clock.set(NOW)

    def near(flows: list[Any]) -> Any:
        return [
            {**f, "seconds": pytest.approx(f["seconds"]), "figures": {n: pytest.approx(v) for n, v in f["figures"].items()}}
            for f in flows
        ]  # fmt: skip

    assert [g["value"] for g in after["groups"]] == [g["value"] for g in before["groups"]]
    for have, want in zip(after["groups"], before["groups"], strict=True):
        assert have["flows"] == near(want["flows"])
        assert [p["at"] for p in have["series"]] == [p["at"] for p in want["series"]]
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FILTER (WHERE span = 'd'), count(*) FILTER (WHERE span = 'h') FROM monitoring.figure_rollups WHERE app_id = %s",
            (made.app,),
        )
        row = await cursor.fetchone()
    assert row is not None
    assert row[0] > 0
    assert row[1] > row[0]


async def test_sessions_count_once_in_each_day(made: Made) -> None:
    found = await made.data("figures", **{"from": BEGIN.isoformat()}, kind="connection")
    (flow,) = found["groups"][0]["flows"]

    days = {(one.session, one.at.date()) for one in made.seen if one.flow == CONNECTION}
    assert flow["sessions"] == len(days)


@pytest.mark.parametrize(
    ("filters", "group_by"),
    [
        ({"browser": "Chrome"}, None),
        ({"browser": "Unknown"}, "browser"),
        ({"meta.plan": "pro"}, None),
        ({"relay": "relayed"}, "app_version"),
        ({"network_type": "wifi", "country": "DE"}, None),
        ({"app_version": "1.0", "meta.plan": "Unknown"}, "relay"),
    ],
)
@pytest.mark.parametrize("unit", ["none", "day", "hour"])
async def test_filters_choose_sessions(
    made: Made, filters: dict[str, str], group_by: str | None, unit: str
) -> None:
    parameters = {"from": BEGIN.isoformat(), "series": unit, **filters}
    if group_by:
        parameters["group_by"] = group_by
    found = await made.data("figures", **parameters)

    chosen = [one for one in made.seen if all(one.properties[k] == v for k, v in filters.items())]
    wanted = expected(chosen, group_by, unit)
    for group in found["groups"]:
        check_flows(group["flows"], wanted[group["value"], None])
        for point in group["series"]:
            at = datetime.fromisoformat(point["at"])
            check_flows(point["flows"], wanted[group["value"], at])
    assert {g["value"] for g in found["groups"]} == {value for value, _ in wanted}


async def test_a_part_of_the_time_and_of_the_figures(made: Made) -> None:
    begin, end = BEGIN + timedelta(hours=7, minutes=13), BEGIN + timedelta(days=3, minutes=47)
    found = await made.data(
        "figures",
        **{"from": begin.isoformat(), "to": end.isoformat()},
        kind="video",
        direction="inbound",
        figures="fps, loss_ratio",
        percentiles="50,p95",
    )

    seen = [one for one in made.seen if begin <= one.at < end and one.flow == 2]
    (flow,) = found["groups"][0]["flows"]
    assert flow["seconds"] == pytest.approx(sum(one.seconds for one in seen))
    assert flow["figures"].keys() == {"fps", "loss_ratio"}
    assert flow["figures"]["fps"].keys() == {"mean", "p50", "p95"}
    assert flow["sessions"] == len({(one.session, one.at.date()) for one in seen})


async def test_a_changed_session_counts_anew(house: House) -> None:
    made = await make(house, calls=3, random_state=2)
    await all_rolled_up(house.db)
    async with house.db.begin() as tx:
        change = "UPDATE monitoring.sessions SET app_version = '9' WHERE app_id = %s"
        await tx.psycopg.execute(change, (made.app,))

    for _ in range(2):
        found = await made.data("figures", **{"from": BEGIN.isoformat()}, group_by="app_version")
        assert [group["value"] for group in found["groups"]] == ["9"]
        house.clock.advance(61)
        await all_rolled_up(house.db)
    house.clock.set(NOW)


async def test_rare_values_are_added_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await all_rolled_up(house.db)  # what others have left is not to be made with few values
    monkeypatch.setattr(service, "MOST_VALUES", 1)
    made = await make(house, calls=6, random_state=4)
    await all_rolled_up(house.db)
    found = await made.data("figures", **{"from": BEGIN.isoformat()}, group_by="browser")

    assert "Other" in {group["value"] for group in found["groups"]}
    whole = await made.data("figures", **{"from": BEGIN.isoformat()})
    parts = sum(f["seconds"] for group in found["groups"] for f in group["flows"])
    assert parts == pytest.approx(sum(f["seconds"] for f in whole["groups"][0]["flows"]))


async def test_without_calls_there_are_no_figures(house: House) -> None:
    app = await house.app()
    made = Made(house, app["id"], await key_of(house, app["organization_id"]))

    assert (await made.data("figures"))["groups"] == [{"value": None, "flows": [], "series": []}]
    assert (await made.data("figures", group_by="os"))["groups"] == []
    for end in ("0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31"):
        assert (await made.data("figures", to=end, group_by="os"))["groups"] == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"figures": "fps,nonsense"}, "figures"),
        ({"group_by": "nonsense"}, "group_by"),
        ({"group_by": "meta."}, "group_by"),
        ({"percentiles": "42"}, "percentiles"),
        ({"percentiles": "x"}, "percentiles"),
        ({"series": "week"}, "series"),
        ({"series": "hour", "from": "2026-01-01"}, "series"),
        ({"from": "2020-01-01"}, "from"),
        ({"from": "2027-01-01"}, "from"),
        ({"from": "x"}, "from"),
        ({"to": "x"}, "to"),
        ({"from": "0001-01-01"}, "from"),
        ({"from": "9999-12-31"}, "from"),
        ({"to": "9999-12-31T23:59:59.999999Z", "from": "0001-01-01"}, "from"),
        ({"kind": "x"}, "kind"),
        ({"browser": "a\u0000"}, "browser"),
        ({"browser": "a" * 257}, "browser"),
        ({"meta.": "x"}, "meta."),
    ],
)
async def test_what_cannot_be_is_refused(
    made: Made, parameters: dict[str, str], field: str
) -> None:
    answer = await made.get("figures", **parameters)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_parameters")
    assert answer.json()["field"] == field


@pytest.mark.parametrize("path", ["figures", "figures/compare"])
async def test_strangers_have_no_such_app(made: Made, house: House, path: str) -> None:
    stranger = await key_of(house, (await house.app())["organization_id"])
    parameters = {"appId": str(made.app), "b_from": "2026-03-07"}

    await made.get(path, b_from="2026-03-07")  # remembered for its owner
    answer = await house.client.get(f"/v1/{path}", params=parameters, headers=stranger)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "app_not_found")
    assert (await house.client.get(f"/v1/{path}", params=parameters)).status_code == 401
    missing = await house.client.get(f"/v1/{path}", headers=stranger)
    assert (missing.status_code, missing.json()["error_code"]) == (400, "missing_parameters")


def by_conference(seen: list[Seen], flow: int, place: int) -> list[float]:
    sums: dict[UUID, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for one in seen:
        found = one.sums[place]
        if one.flow == flow and found is not None:
            sums[one.conference][0] += found[0]
            sums[one.conference][1] += found[1]
    return sorted(total / weight for total, weight in sums.values() if weight > 0)


async def test_two_groups_are_compared_call_by_call(made: Made) -> None:
    found = await made.data(
        "figures/compare",
        **{"from": BEGIN.isoformat()},
        group_by="app_version",
        a="1.0",
        b="2.0",
        figures="jitter_ms",
        kind="audio",
    )

    assert [x["direction"] for x in found] == ["inbound", "outbound"]
    for row in found:
        flow = 0 if row["direction"] == "inbound" else 1
        for side, version in (("a", "1.0"), ("b", "2.0")):
            seen = [one for one in made.seen if one.properties["app_version"] == version]
            values = by_conference(seen, flow, 2)
            assert row[side]["conferences"] == len(values)
            if len(values) >= 20:
                mean = sum(values) / len(values)
                assert row[side]["mean"]["value"] == pytest.approx(mean)
        few = min(row["a"]["conferences"], row["b"]["conferences"]) < 20
        assert (row["verdict"] == "not_enough_data") == few


async def test_two_stretches_of_time_are_compared(made: Made) -> None:
    middle = BEGIN + timedelta(days=2)
    found = await made.data(
        "figures/compare",
        a_from=BEGIN.isoformat(), a_to=middle.isoformat(), b_from=middle.isoformat(), figures="fps", kind="video", direction="inbound",
    )  # fmt: skip
    (row,) = found
    for side in ("a", "b"):
        seen = [one for one in made.seen if (one.at < middle) == (side == "a")]
        assert row[side]["conferences"] == len(by_conference(seen, 2, 4))
    assert row["bad_limit"] == 15
    assert row["verdict"] == "not_enough_data"
    assert (row["a"]["mean"], row["difference"]["mean"]) == (None, None)


@pytest.mark.parametrize(
    ("parameters", "code", "field"),
    [
        ({}, "missing_parameters", "b_from"),
        ({"group_by": "os", "a": "x"}, "missing_parameters", "b"),
        ({"group_by": "os", "a": "x", "b": "x"}, "missing_parameters", "b"),
        ({"a": "x"}, "missing_parameters", "group_by"),
        ({"b_from": "x"}, "invalid_parameters", "b_from"),
        ({"a_to": "x"}, "invalid_parameters", "a_to"),
        ({"b_from": "2026-03-08", "b_to": "2026-03-07"}, "invalid_parameters", "b_from"),
    ],
)
async def test_a_comparison_needs_two_sides(
    made: Made, parameters: dict[str, str], code: str, field: str
) -> None:
    answer = await made.get("figures/compare", **parameters)

    assert (answer.status_code, answer.json()["error_code"]) == (400, code)
    assert answer.json()["field"] == field
