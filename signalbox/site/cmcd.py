"""Lines of players, put together: what the worker does with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.jobs import PeriodicJob
from signalbox.playback.queries.keys import weights_of
from signalbox.playback.rules.reports import Report
from signalbox.playback.rules.scores import DEFAULT_WEIGHTS
from signalbox.playback.rules.times import Belief
from signalbox.playback.service.cmcd import forget_gone, write_due
from signalbox.playback.settings import PlaybackSettings
from signalbox.playback.store import Applier
from signalbox.playback.store.cmcd import micros
from signalbox.playback.store.messages import Applied, SessionReport


def belief_of(settings: PlaybackSettings) -> Belief:
    """How far clocks of players are believed."""
    return Belief(max_future_ms=settings.max_future_skew_ms, max_past_days=settings.max_past_days)


def cmcd_jobs(db: Database, settings: PlaybackSettings) -> Sequence[PeriodicJob]:
    """Writing the sessions that lines tell, and forgetting those that are gone."""
    clock = SystemClock()
    applier = Applier(lambda: micros(clock.now()), belief_of(settings))

    async def tell(
        connection: AsyncConnection[Any], reports: Sequence[tuple[UUID, Report]]
    ) -> list[Applied]:
        weights = await weights_of(connection, {app for app, _ in reports})
        return await applier(
            connection,
            [
                SessionReport(app, report, weights.get(app, DEFAULT_WEIGHTS))
                for app, report in reports
            ],
        )

    async def write(at: datetime) -> None:
        await write_due(db, tell, at=at)

    async def forget(at: datetime) -> None:
        await forget_gone(db, keep=timedelta(days=settings.cmcd_events_days), at=at)

    return [
        PeriodicJob(name="playback.cmcd", cron="* * * * * */5", run=write),
        PeriodicJob(name="playback.cmcd_forget", cron="37 * * * *", run=forget),
    ]
