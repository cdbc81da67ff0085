"""No query string makes a reading route fail."""

from __future__ import annotations

import itertools

import pytest
from httpx import AsyncClient

from tests.monitoring.reading.conftest import World

NAMES = (
    "appId",
    "conferenceId",
    "participantId",
    "sessionId",
    "connectionId",
    "type",
    "code",
    "issue_code",
    "conference_ids",
    "created_at_gt",
    "duration_gte",
    "limit",
    "offset",
    "order",
)
VALUES = (
    "",
    "%00",
    "%FF%FE",
    "%ED%A0%80",
    "'%22%3B--",
    "-",
    "-1",
    "1e308",
    "9" * 400,
    "x" * 3000,
    "%F0%9F%9A%A6",
    "2026-01-01T00:00:00%2B99:99",
    "0001-01-01",
    "9999-12-31T23:59:59.999999Z",
    "00000000-0000-0000-0000-000000000000",
    ",,,",
)
PATHS = ("conferences", "sessions", "participants", "connections", "tracks", "issues", "stats")


@pytest.mark.parametrize("path", PATHS)
async def test_odd_values_are_refused_or_find_nothing(
    alice: AsyncClient, world: World, path: str
) -> None:
    await world.sample(1, None)
    base = {"stats": f"conferenceId={world.ids['conference']}"}.get(path, f"appId={world.app}")
    for name, value in itertools.product(NAMES, VALUES):
        answer = await alice.get(f"/v1/{path}?{base}&{name}={value}")
        assert answer.status_code in (200, 400), (path, name, value, answer.text)
        assert answer.json()


async def test_odd_paths_are_not_found(alice: AsyncClient, world: World) -> None:
    for odd in ("%00", "%FF", "..%2f", "x" * 3000, "{}", "-1", "%20"):
        for tail in ("", "/events"):
            answer = await alice.get(f"/v1/conferences/{odd}{tail}")
            assert answer.status_code in (400, 404), (odd, answer.text)
            assert answer.json()["error_code"]
