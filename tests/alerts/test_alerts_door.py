"""The routes of alerts: who sees what, what is refused, and that what is written holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from signalbox.alerts.service import Voice, Watch, evaluate_app
from signalbox.alerts.settings import AlertSettings
from signalbox.core.sealing import Sealer
from tests.alerts.sessions import played
from tests.monitoring.conftest import House, Houses, houses

__all__ = ["houses"]  # a fixture of the neighbours

THRESHOLD: dict[str, Any] = {
    "title": "Too many fail",
    "figure": "playback_error_rate",
    "kind": "threshold",
    "value": 0.1,
    "windows": [5],
}


class Place:
    """An app with an alert, its key, and the key of a stranger."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.app: Any = None
        self.mine: dict[str, str] = {}
        self.theirs: dict[str, str] = {}

    async def build(self) -> None:
        self.app = await self.house.app()
        self.mine = await self.house.bearer(self.app, "read", "manage")
        self.theirs = await self.house.bearer(await self.house.app(), "read", "manage")

    @property
    def path(self) -> str:
        return f"/v1/alerts/apps/{self.app['id']}"

    async def ask(self, method: str, path: str, body: Any = None, *, by: Any = None) -> Any:
        """Status and answer; `by` are headers, mine without."""
        headers = self.mine if by is None else by
        answer = await self.house.client.request(method, path, json=body, headers=headers)
        return answer.status_code, answer.json()

    async def outage(self) -> UUID:
        """A day, then minutes in which half of the plays fail, looked at: the id of the alert."""
        now, app, db = self.house.clock.now(), self.app, self.house.db
        day = now - timedelta(minutes=1480)
        await played(db, app["id"], 1422, begin=day, minutes=1440)
        await played(db, app["id"], 18, begin=day, minutes=1440, outcome="start_failure")
        begin = now - timedelta(minutes=5)
        await played(db, app["id"], 100, begin=begin, minutes=5)
        await played(db, app["id"], 100, begin=begin, minutes=5, outcome="start_failure")
        watch = Watch(voice=Voice(Sealer(["e" * 32]), AlertSettings(), origin=None))
        for back in (1, 0):
            minute = now - timedelta(minutes=back)
            told = await evaluate_app(db, app, watch, minute=minute)
        return UUID(told[0].alert["id"])


@pytest.fixture(scope="module")
async def place(houses: Houses) -> AsyncIterator[Place]:
    async with houses() as house:
        made = Place(house)
        await made.build()
        yield made


@pytest.fixture
async def alert(place: Place) -> UUID:
    """A new app's alert."""
    await place.build()
    return await place.outage()


async def test_an_alert_is_listed_and_shown_with_its_looks_and_its_minutes(
    place: Place, alert: UUID
) -> None:
    status, listed = await place.ask(
        "GET", f"/v1/alerts?state=open&appId={place.app['id']}&limit=5"
    )
    _, shown = await place.ask("GET", f"/v1/alerts/{alert}")

    (item,) = listed["results"]
    assert (status, listed["count"]) == (200, 1)
    assert item["id"] == str(alert)
    assert (item["rule"], item["cohort"], item["figure"]) == (
        "playback_error_spike",
        "all",
        "playback_error_rate",
    )
    detail = shown["data"]
    assert [look["is_bad"] for look in detail["evaluations"]] == [True]
    assert len(detail["series"]) == 61
    last = detail["series"][-1]
    assert (last["n"], last["k"], last["rate"]) == (200, 100, 0.5)
    assert 0 < last["low"] < detail["baseline"] < last["high"] < 0.1 or last["low"] == 0
    assert len(detail["sample_session_ids"]) == 20


async def test_a_stranger_sees_nothing(place: Place, alert: UUID) -> None:
    channel = {"kind": "email", "target": "a@b.example"}
    for method, path, body in (
        ("GET", f"/v1/alerts/{alert}", None),
        ("POST", f"/v1/alerts/{alert}/acknowledge", {}),
        ("GET", f"{place.path}/rules", None),
        ("POST", f"{place.path}/rules", {"definition": THRESHOLD}),
        ("GET", f"{place.path}/rules/playback_error_spike", None),
        ("PUT", f"{place.path}/rules/playback_error_spike", {"enabled": False}),
        ("DELETE", f"{place.path}/rules/playback_error_spike", None),
        ("POST", f"{place.path}/backtest", {"definition": THRESHOLD, "from": "2026-03-02T09:00:00Z"}),
        ("GET", f"{place.path}/channels", None),
        ("POST", f"{place.path}/channels", channel),
    ):  # fmt: skip
        status, _ = await place.ask(method, path, body, by=place.theirs)
        assert (status, method, path) == (404, method, path)
    assert (await place.ask("GET", "/v1/alerts", by=place.theirs))[1] == {"data": []}
    status, refused = await place.ask("GET", f"/v1/alerts?appId={place.app['id']}", by=place.theirs)
    assert (status, refused["field"]) == (400, "appId")
    assert (await place.ask("GET", "/v1/alerts", by={}))[0] == 401


async def test_a_key_that_only_reads_changes_nothing(place: Place) -> None:
    reader = await place.house.bearer(place.app, "read")

    status, _ = await place.ask("POST", f"{place.path}/rules", {"definition": THRESHOLD}, by=reader)

    assert status == 403
    assert len((await place.ask("GET", f"{place.path}/rules", by=reader))[1]["data"]) == 9


async def test_an_alert_that_was_seen_says_who_and_when(place: Place, alert: UUID) -> None:
    _, seen = await place.ask("POST", f"/v1/alerts/{alert}/acknowledge", {"note": "CDN, on it"})
    _, again = await place.ask("POST", f"/v1/alerts/{alert}/acknowledge", {"acknowledged": False})

    assert seen["data"]["note"] == "CDN, on it"
    assert seen["data"]["acknowledged_at"] is not None
    assert (again["data"]["note"], again["data"]["acknowledged_at"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "field"),
    [("state=half", "state"), ("context=weather", "context"), ("from=soon", "from"), ("appId=1", "appId"), ("limit=x", "limit"), ("parts=some", "parts"), ("severity=none", "severity")],
)  # fmt: skip
async def test_a_wrong_filter_is_named(place: Place, query: str, field: str) -> None:
    status, refused = await place.ask("GET", f"/v1/alerts?{query}")

    assert (status, refused["field"]) == (400, field)


async def test_a_rule_of_one_s_own_lives_and_dies(place: Place) -> None:
    _, made = await place.ask("POST", f"{place.path}/rules", {"definition": THRESHOLD})
    rule = f"{place.path}/rules/{made['data']['id']}"
    status, _ = await place.ask("PUT", rule, {"definition": {"value": 0.2}, "enabled": False})
    _, shown = await place.ask("GET", rule)

    assert status == 200
    assert (shown["data"]["definition"]["value"], shown["data"]["enabled"]) == (0.2, False)
    assert shown["data"]["definition"]["title"] == "Too many fail"
    assert (await place.ask("DELETE", rule))[0] == 200
    assert (await place.ask("GET", rule))[0] == 404
    assert (await place.ask("DELETE", rule))[0] == 404


async def test_a_built_in_rule_is_tuned_for_one_app_and_set_back(place: Place) -> None:
    rule = f"{place.path}/rules/playback_error_spike"
    _, tuned = await place.ask("PUT", rule, {"definition": {"least_n": 500}})
    _, back = await place.ask("DELETE", rule)
    _, shown = await place.ask("GET", rule)

    assert (tuned["data"]["changed"], tuned["data"]["definition"]["least_n"]) == (True, 500)
    assert back == ""
    assert (shown["data"]["changed"], shown["data"]["definition"]["least_n"]) == (False, 25)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"figure": "weather"}, "figure"),
        ({"kind": "storm"}, "kind"),
        ({"value": None}, "value"),
        ({"windows": [0]}, "windows"),
        ({"dimensions": ["moon"]}, "dimensions"),
        ({"colour": "red"}, "colour"),
        ({"title": ""}, "title"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_told_why(
    place: Place, changes: dict[str, Any], field: str
) -> None:
    status, refused = await place.ask(
        "POST", f"{place.path}/rules", {"definition": THRESHOLD | changes}
    )
    rules = (await place.ask("GET", f"{place.path}/rules"))[1]["data"]

    assert (status, refused["error_code"], refused["field"]) == (400, "invalid_alert_rule", field)
    assert refused["problem"]
    assert all(rule["built_in"] for rule in rules)


async def test_a_built_in_rule_keeps_what_it_looks_at(place: Place) -> None:
    rule = f"{place.path}/rules/playback_error_spike"

    status, refused = await place.ask("PUT", rule, {"definition": {"figure": "playback_ebvs_rate"}})

    assert (status, refused["field"]) == (400, "figure")


async def test_a_channel_shows_no_secret_and_can_be_tried(place: Place) -> None:
    hook = {"kind": "webhook", "target": "https://hooks.example/T0/secret", "secret": "s" * 16}
    _, made = await place.ask("POST", f"{place.path}/channels", hook)
    channel = f"{place.path}/channels/{made['data']['id']}"
    _, listed = await place.ask("GET", f"{place.path}/channels")
    status, queued = await place.ask("POST", f"{channel}/test")
    _, changed = await place.ask("PUT", channel, {"enabled": False, "name": "night"})

    assert made["data"]["target"] == "https://hooks.example"
    assert "secret" not in str(listed)
    assert (status, len(queued["data"]["message"])) == (200, 36)
    assert (changed["data"]["enabled"], changed["data"]["name"]) == (False, "night")
    assert (await place.ask("DELETE", channel))[0] == 200
    assert (await place.ask("POST", f"{channel}/test"))[0] == 404


@pytest.mark.parametrize(
    ("channel", "field"),
    [
        ({"kind": "pigeon", "target": "x"}, "kind"),
        ({"kind": "email", "target": "nobody"}, "target"),
        ({"kind": "email", "target": "a@b.example", "secret": "s" * 16}, "secret"),
        ({"kind": "webhook", "target": "ftp://x.example", "secret": "s" * 16}, "target"),
        ({"kind": "webhook", "target": "http://169.254.169.254/latest", "secret": "s" * 16}, "target"),
        ({"kind": "webhook", "target": "https://x.example"}, "secret"),
        ({"kind": "webhook", "target": "https://x.example", "secret": "short"}, "secret"),
        ({"kind": "webhook"}, "target"),
    ],
)  # fmt: skip
async def test_a_channel_that_makes_no_sense_is_told_why(
    place: Place, channel: dict[str, Any], field: str
) -> None:
    status, refused = await place.ask("POST", f"{place.path}/channels", channel)

    assert (status, refused["field"]) == (400, field)
    assert (await place.ask("GET", f"{place.path}/channels"))[1] == {"data": []}


async def test_a_back_test_says_when_a_rule_would_have_fired(place: Place, alert: UUID) -> None:
    begin = (place.house.clock.now() - timedelta(hours=1)).isoformat()
    end = place.house.clock.now().isoformat()
    span = {"from": begin, "to": end}
    _, own = await place.ask("POST", f"{place.path}/backtest", {"definition": THRESHOLD, **span})
    _, built_in = await place.ask(
        "POST", f"{place.path}/backtest", {"rule": "playback_error_spike", "cohorts": True, **span}
    )
    _, blind = await place.ask(
        "POST",
        f"{place.path}/backtest",
        {"rule": "playback_error_spike", "definition": {"least_n": 100_000}, **span},
    )

    (fired,) = own["data"]["firings"]
    assert (fired["cohort"], fired["cleared_at"]) == ("all", None)
    assert [one["cohort"] for one in built_in["data"]["firings"]] == ["all"]
    assert blind["data"]["firings"] == []
    points = own["data"]["series"]
    assert len(points) == 61
    assert datetime.fromisoformat(points[-1]["at"]) == place.house.clock.now().replace(
        second=0, microsecond=0
    )
    assert max(point["rate"] or 0 for point in points) > fired["limit"]
    assert [point["at"] for point in points] == sorted(point["at"] for point in points)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"from": "2026-03-02T09:00:00Z"}, "definition"),
        ({"definition": THRESHOLD}, "from"),
        ({"definition": THRESHOLD, "from": "2026-01-02T09:00:00Z"}, "to"),
        ({"definition": THRESHOLD, "from": "2026-03-02T09:00:00Z", "to": "2026-03-02T08:00:00Z"}, "to"),
        ({"definition": THRESHOLD, "from": "2026-03-02T09:00:00Z", "to": "2030-03-02T08:00:00Z"}, "to"),
        ({"rule": 7, "from": "2026-03-02T09:00:00Z"}, "rule"),
    ],
)  # fmt: skip
async def test_a_back_test_that_makes_no_sense_is_told_why(
    place: Place, body: dict[str, Any], field: str
) -> None:
    status, refused = await place.ask("POST", f"{place.path}/backtest", body)

    assert (status, refused["field"]) == (400, field)


async def test_what_is_not_there_is_not_found(place: Place) -> None:
    nobody = uuid4()

    assert (await place.ask("GET", f"/v1/alerts/{nobody}"))[0] == 404
    assert (await place.ask("GET", f"/v1/alerts/apps/{nobody}/rules"))[0] == 404
    assert (await place.ask("GET", f"{place.path}/rules/{nobody}"))[0] == 404
    assert (await place.ask("PUT", f"{place.path}/channels/{nobody}", {}))[0] == 404


async def test_figures_say_what_rules_can_look_at(place: Place) -> None:
    _, listed = await place.ask("GET", "/v1/alerts/figures")

    named = {figure["name"]: figure for figure in listed["data"]}
    assert named["playback_error_rate"]["kind"] == "share"
    assert "code" in named["monitoring_issue_rate"]["dimensions"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "a\x00"}, "title"),
        ({"title": "a\ud800"}, "title"),
        ({"windows": ["\ud800"]}, "windows"),
        ({"cohort": {"dimension": "device", "value": "\x00"}}, "cohort"),
        ({"cohort": {"\ud800": 1}}, "cohort"),
        ({"\ud800": 1}, "definition"),
    ],
)
async def test_a_rule_with_characters_that_cannot_be_stored_is_refused(
    place: Place, changes: dict[str, Any], field: str
) -> None:
    for method, path, definition in (
        ("POST", "rules", THRESHOLD | changes),
        ("PUT", "rules/playback_error_spike", changes),
    ):
        answer = await place.house.client.request(
            method,
            f"{place.path}/{path}",
            content=json.dumps({"definition": definition}),
            headers=place.mine,
        )

        assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_alert_rule")
        assert answer.json()["field"] == field
