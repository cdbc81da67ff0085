"""Real players in a real browser report to a running `serve`; what is stored is what the page itself has measured."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from playwright.async_api import Browser

from signalbox.core.db import Database
from signalbox.playback.settings import PlaybackSettings
from signalbox.site.cmcd import cmcd_jobs
from tests.browser.players.media import media_server
from tests.site.real import Serve, Servers, servers, serving

PATIENCE_S = 60
SAME_MS = (
    100  # clocks are the same one: what differs is which event of the video is taken for the moment
)
ATTEMPTS = 3  # where other tests keep the machine busy, page and player may notice one moment at different times
_STORED = """
    SELECT player_startup_ms, rebuffer_time_ms, rebuffer_count, play_time_ms, outcome, dialect, content_id, source
    FROM playback.sessions WHERE session_id = %s"""
# Lines that say that it plays, or how long that took.
_LINES = """
    SELECT count(*) FROM playback.v_cmcd_events WHERE session_id = %s AND (state = 'p' AND event = 'ps' OR line LIKE '%%msd=%%' AND state IS NULL)"""
_STATES = """
    SELECT playback_state FROM playback.session_timeline WHERE session_id = %s ORDER BY elapsed_ms, timestamp_ms"""


@dataclass
class Collector:
    """A running `serve`, its database, and where pages report."""

    servers: Servers
    serve: Serve
    key: str

    @property
    def address(self) -> str:
        """As it stands in a page."""
        return f"{self.serve.url}/v1/cmcd/{self.key}"

    async def written(self) -> None:
        """As after the worker's next round."""
        db = Database(self.servers.postgres.url)
        await db.open()
        jobs = {job.name: job for job in cmcd_jobs(db, PlaybackSettings())}
        await jobs["playback.cmcd"].run(datetime.now(UTC))
        await db.close()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with servers(fast_unsafe=True) as running, serving(running, ["players"]) as (serve,):
        app = str(running.first.app_id)
        made = json.loads(
            running.command("key", "create", "--app", app, "--scope", "ingest", "--json")
        )
        yield Collector(running, serve, made["key"])


@pytest.fixture(scope="module")
async def media() -> AsyncIterator[str]:
    async with media_server() as address:
        yield address


async def watched(
    browser: Browser, media: str, collector: Collector, player: str
) -> tuple[str, Any]:
    """A viewer watches until the stream has stalled once and gone on: the session, and what the page has measured."""
    session = str(uuid4())
    context = await browser.new_context()
    page = await context.new_page()
    asked = urlencode({"player": player, "sid": session, "collector": collector.address})
    await page.goto(f"{media}/page/{player}?{asked}")
    async with asyncio.timeout(PATIENCE_S):
        measured = await page.evaluate("watch()")
    await page.wait_for_load_state("networkidle")
    await context.close()
    return session, measured


async def stored(collector: Collector, session: str, *, plays: int) -> tuple[Any, ...]:
    """The session once so many of its lines say that it began to play; the last post may still be on its way."""
    async with asyncio.timeout(PATIENCE_S):
        while collector.servers.rows(_LINES, session)[0][0] < plays:  # noqa: ASYNC110  # another process stores them
            await asyncio.sleep(0.05)
    await collector.written()
    (row,) = collector.servers.rows(_STORED, session)
    return row


def agree(told: float | None, measured: float) -> bool:
    """Whether both mean the same time."""
    return told is not None and abs(told - measured) <= SAME_MS


@pytest.mark.parametrize("player", ["hls.js", "dashjs"])
async def test_what_is_stored_is_what_the_page_has_measured(
    browser: Browser, media: str, collector: Collector, player: str
) -> None:
    for _ in range(ATTEMPTS):
        session, measured = await watched(browser, media, collector, player)
        startup, rebuffer, count, play, outcome, dialect, content, source = await stored(
            collector, session, plays=2
        )
        if agree(startup, measured["startup"]) and agree(rebuffer, measured["rebuffer"]):
            break

    assert measured["errors"] == []
    assert measured["stalls"] >= 1
    assert measured["rebuffer"] >= 1000
    assert startup == pytest.approx(measured["startup"], abs=SAME_MS)
    assert rebuffer == pytest.approx(measured["rebuffer"], abs=SAME_MS)
    assert (count, outcome, dialect, content, source) == (
        measured["stalls"],
        "played",
        "CMCD2",
        "clip-7",
        "cmcd",
    )
    assert play > 0
    states = [row[0] for row in collector.servers.rows(_STATES, session)]
    told = [one for one, before in zip(states, [None, *states], strict=False) if one != before]
    assert told[-4:] == ["BUFFERING", "PLAYING", "BUFFERING", "PLAYING"]


async def test_of_a_player_that_tells_no_states_the_start_is_known(
    browser: Browser, media: str, collector: Collector
) -> None:
    """Shaka says how long the start took, and neither states nor stalls."""
    for _ in range(ATTEMPTS):
        session, measured = await watched(browser, media, collector, "shaka-player")
        startup, rebuffer, count, play, outcome, dialect, content, _ = await stored(
            collector, session, plays=1
        )
        if agree(startup, measured["startup"]):
            break

    assert measured["errors"] == []
    assert measured["stalls"] >= 1
    assert startup == pytest.approx(measured["startup"], abs=SAME_MS)
    assert (rebuffer, count, play) == (None, None, None)
    assert (outcome, dialect, content) == ("played", "CMCD2", "clip-7")
