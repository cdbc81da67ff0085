"""Recorded calls of the unmodified SDK lead to what their traces tell, in any order of arrival, once or twice."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from signalbox.accounts.service.apps import add_app
from signalbox.accounts.service.organizations import add_organization
from signalbox.core.actor import SYSTEM
from signalbox.core.clock import ManualClock
from signalbox.core.db import Database

_spec = importlib.util.spec_from_file_location(
    "replay_of_traces", Path(__file__).with_name("replay.py")
)
assert _spec is not None
assert _spec.loader is not None
play = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = play
_spec.loader.exec_module(play)

ALL = [
    "batch",
    "endcall",
    "gum-denied",
    "ice-fail",
    "janus",
    "killed",
    "p2p",
    "relay",
    "stats-refused-429",
    "two-participants",
]

# Per connection: state, candidate type, start and end in recorded ms, whole seconds.
CONNECTIONS: dict[str, dict[str, tuple[str, str | None, int, int | None, int | None]]] = {
    "batch": {},
    "endcall": {
        "alice > bob": ("closed", "host", 318, 16323, 16),
        "alice > bob-return": ("connected", "host", 323, 14422, 14),
    },
    "gum-denied": {
        "alice > bob": ("connected", "host", 312, 20486, 20),
        "alice > bob-return": ("connected", "host", 313, 20486, 20),
    },
    "ice-fail": {"alice > bob": ("failed", None, 395, 45641, 45)},
    "janus": {
        "user-0 > janus-pub": ("connected", "host", 2301, 29930, 27),
        "user-0 > janus-sub": ("connected", "host", 4687, 29930, 25),
        "user-1 > janus-pub": ("connected", "host", 4169, 30148, 25),
        "user-1 > janus-sub": ("connected", "host", 4219, 30148, 25),
    },
    "killed": {
        "alice > bob": ("connected", "host", 433, None, None),
        "alice > bob-return": ("connected", "host", 515, 11693, 11),
    },
    "p2p": {
        "alice > bob": ("connected", "host", 191, 40665, 40),
        "alice > bob-return": ("connected", "host", 196, 37409, 37),
    },
    "relay": {
        "alice > bob": ("connected", "relay", 478, 41036, 40),
        "alice > bob-return": ("connected", "relay", 482, 37733, 37),
    },
    "stats-refused-429": {
        "alice > bob": ("connected", "host", 398, None, None),
        "alice > bob-return": ("connected", "host", 429, None, None),
    },
    "two-participants": {
        "alice > bob": ("connected", "host", 737, 42954, 42),
        "bob > alice": ("connected", "host", 684, 43161, 42),
    },
}

# Per participant: session start and end in recorded ms, whole seconds.
SESSIONS: dict[str, dict[str, tuple[int, int | None, int]]] = {
    "batch": {"alice": (82, 30541, 30)},
    "endcall": {"alice": (168, 17170, 17)},
    "gum-denied": {"alice": (171, 20462, 20)},
    "ice-fail": {"alice": (178, 45624, 45)},
    "janus": {"user-0": (2234, 29930, 27), "user-1": (4083, 30148, 26)},
    "killed": {"alice": (138, None, 0)},
    "p2p": {"alice": (83, 40653, 40)},
    "relay": {"alice": (160, 40995, 40)},
    "stats-refused-429": {"alice": (241, None, 0)},
    "two-participants": {"alice": (384, 41826, 41), "bob": (370, 42119, 41)},
}

# Conference: ongoing, start and end in recorded ms, whole seconds.
CONFERENCES: dict[str, tuple[bool, int | None, int | None, int]] = {
    "batch": (False, None, None, 0),
    "endcall": (False, 318, 16323, 16),
    "gum-denied": (False, 312, 20486, 20),
    "ice-fail": (False, 395, 45641, 45),
    "janus": (False, 2301, 30148, 27),
    "killed": (True, 433, None, 0),
    "p2p": (False, 191, 40665, 40),
    "relay": (False, 478, 41036, 40),
    "stats-refused-429": (True, 398, None, 0),
    "two-participants": (False, 684, 43161, 42),
}

# Issues: code, whom, which connection, how often. The two candidate errors are 15 ms apart and equal: one event, reported twice.
ISSUES: dict[str, set[tuple[str, str, str | None, int]]] = {
    "gum-denied": {("getusermedia_error", "alice", None, 1), ("no_media_access", "alice", None, 1)},
    "ice-fail": {
        ("connection_failed", "alice", "alice > bob", 1),
        ("icecandidateerror", "alice", "alice > bob", 1),
        ("no_connection", "alice", None, 1),
    },
    "relay": {
        ("turn_used", "alice", "alice > bob", 1),
        ("turn_used", "alice", "alice > bob-return", 1),
    },
}

TRACKS = {
    "batch": 2,
    "endcall": 6,
    "gum-denied": 2,
    "ice-fail": 2,
    "janus": 8,
    "killed": 6,
    "p2p": 6,
    "relay": 6,
    "stats-refused-429": 6,
}
TRACKS |= {"two-participants": 8}
SAMPLES = {
    "batch": 0,
    "endcall": 14,
    "gum-denied": 20,
    "ice-fail": 22,
    "janus": 49,
    "killed": 11,
    "p2p": 38,
    "relay": 38,
    "stats-refused-429": 10,
}
SAMPLES |= {"two-participants": 40}

NewApp = Callable[[], Awaitable[tuple[UUID, str]]]


@pytest.fixture
def new_app(db: Database) -> NewApp:
    """Makes an app of its own for every replay; answers its id and key."""

    async def make() -> tuple[UUID, str]:
        at = datetime.now(UTC)
        async with db.begin() as tx:
            organization = await add_organization(tx, name="Replays", by=SYSTEM, at=at)
            row = await add_app(
                tx, organization_id=organization["id"], name="replay", by=SYSTEM, at=at
            )
        return row["id"], row["api_key"]

    return make


class Stage:
    """Plays traces and looks at what became of them."""

    def __init__(
        self, site: httpx.AsyncClient, clock: ManualClock, db: Database, new_app: NewApp
    ) -> None:
        self._site, self._clock, self._db, self._new_app = site, clock, db, new_app
        self.answers: list[Any] = []

    async def play(self, requests: list[Any]) -> Any:
        """The outcome of these requests in an app of their own."""
        app_id, api_key = await self._new_app()
        done = await play.replay(self._site, self._clock, api_key, requests)
        self.answers = done.answers
        return await play.outcome(self._db, app_id, done.origin)


@pytest.fixture
def stage(site: httpx.AsyncClient, clock: ManualClock, db: Database, new_app: NewApp) -> Stage:
    """A site with a clock of its own."""
    return Stage(site, clock, db, new_app)


def is_array(answer: Any) -> bool:
    """Whether the SDK sent a bare array, which carries no token."""
    return bool(answer.request.body.startswith("["))


@pytest.mark.parametrize("name", ALL)
async def test_trace_is_answered_as_the_sdk_needs_it(stage: Stage, name: str) -> None:
    await stage.play(play.trace(name))
    for answer in stage.answers:
        what = (
            answer.request.at_ms,
            answer.request.path,
            answer.request.body[:120],
            answer.status,
            answer.body[:200],
        )
        assert answer.headers.get("access-control-allow-origin") == "*", what
        if answer.request.method == "OPTIONS":
            assert answer.status in (200, 204), what
            assert (
                answer.request.headers["Access-Control-Request-Method"]
                in answer.headers["access-control-allow-methods"]
            ), what
        elif is_array(answer):
            assert (answer.status, json.loads(answer.body)["error_code"]) == (
                401,
                "missing_token",
            ), what
        else:
            assert answer.status == 200, what
            json.loads(answer.body)


@pytest.mark.parametrize("name", ALL)
async def test_trace_leads_to_what_it_tells(stage: Stage, name: str) -> None:
    found = await stage.play(play.trace(name))
    assert {
        c["name"]: (c["state"], c["type"], c["start_time"], c["end_time"], c["duration"])
        for c in found.connections
    } == CONNECTIONS[name]
    assert {
        s["who"]: (s["created_at"], s["end_time"], s["duration"]) for s in found.sessions
    } == SESSIONS[name]
    [conference] = found.conferences
    assert (
        conference["ongoing"],
        conference["start_time"],
        conference["end_time"],
        conference["duration"],
    ) == CONFERENCES[name]
    assert {
        (code, who, connection, count) for code, _, who, connection, count, *_ in found.issues
    } == ISSUES.get(name, set())
    assert set(found.issues.values()) <= {1}
    assert len(found.tracks) == TRACKS[name]
    assert sum(found.samples.values()) == SAMPLES[name]


@pytest.mark.parametrize("name", ALL)
async def test_order_of_arrival_changes_nothing(stage: Stage, name: str) -> None:
    straight = await stage.play(play.trace(name))
    for random_state in (1, 2):
        assert (
            await stage.play(play.shuffled(play.trace(name), random_state=random_state)) == straight
        )


@pytest.mark.parametrize("name", ALL)
async def test_what_is_sent_twice_counts_once(stage: Stage, name: str) -> None:
    straight = await stage.play(play.trace(name))
    assert await stage.play(play.repeated(play.trace(name))) == straight
    assert await stage.play(play.repeated(play.trace(name), after_ms=3_000)) == straight


async def test_shuffled_and_sent_twice(stage: Stage) -> None:
    straight = await stage.play(play.trace("p2p"))
    assert (
        await stage.play(play.repeated(play.shuffled(play.trace("p2p"), random_state=3)))
        == straight
    )


async def test_setup_time_is_that_of_the_first_negotiation(stage: Stage) -> None:
    found = await stage.play(play.trace("endcall"))
    kind, status, start, end, _ = found.negotiations["alice > bob"][0]
    assert (kind, status, start, end) == ("initial", "connected", 318, 840)
