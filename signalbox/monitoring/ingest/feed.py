"""Traces on their way into the tables: by the same readings, rules and writer as the posts of the SDK."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final
from uuid import UUID

import msgspec

from signalbox.core.errors import AppError, Overloaded
from signalbox.core.ids import new_id
from signalbox.monitoring.errors import ConnectionEnded, InvalidParameters
from signalbox.monitoring.ingest import reading
from signalbox.monitoring.ingest.parts import Writer, json_part, mask_body
from signalbox.monitoring.rules.identities import AppFacts, SessionKey
from signalbox.monitoring.rules.traces.rtcstats import TraceEvent
from signalbox.monitoring.rules.traces.story import Step, Story
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.store.messages import Event, Initialize, Message, StartSession
from signalbox.monitoring.store.messages import UpdateSession as Update
from signalbox.monitoring.wire import Body, encoded, exact

AT_ONCE: Final = 100
TRIES: Final = 5
OVER_AFTER: Final = 20  # refusals in a row: late reports of one closed connection are fewer
USER_CHARACTERS: Final = 48  # of 64: what names its peers is longer
_RAW: Final = frozenset({"data", "devices", "platform"})

Read = Callable[[Body, SessionKey, int], Event]
_READINGS: Final[dict[str, Read]] = {
    "connection": reading.connection_event,
    "media": reading.media_event,
    "browser": reading.browser_event,
    "track": reading.new_track,
    "change": reading.changed_track,
}


class FeedState(msgspec.Struct):
    """What a feed needs to go on; plain data."""

    session: SessionKey | None = None
    links: dict[str, tuple[UUID, UUID]] = {}  # trace's name of a connection: peer, connection


class Feed:
    """One page's trace. It enters with `entry`, ids of a conference and a participant, or else by names: `conference` and `user`, those that
    the trace tells, and `fallback` for the conference. Steps that the rules refuse are counted and left out, as the door would refuse them one by one."""

    def __init__(
        self,
        writer: Writer,
        settings: MonitoringSettings,
        app: AppFacts,
        *,
        conference: str,
        user: str,
        fallback: str = "trace",
        entry: tuple[UUID, UUID] | None = None,
        geo: dict[str, Any] | None = None,
        state: FeedState | None = None,
    ) -> None:
        self._writer, self._settings, self._app = writer, settings, app
        self._conference, self._user = conference[:64], user[:USER_CHARACTERS]
        self._fallback, self._entry, self._geo = fallback[:64], entry, geo
        self.state = state or FeedState(links={})
        self.taken: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._waiting: list[Awaitable[None]] = []
        self._ended = 0

    async def take(self, steps: Iterable[Step], at: Callable[[float], int]) -> None:
        """Store steps; `at` makes of a trace's instant (ms) one of ours (µs). Returns when all are committed.

        Raises:
            Overloaded: the writer refuses, again and again.
            ConnectionEnded: the session was deleted or erased.
        """
        for step in steps:
            await self._step(step, at(step.at_ms))
            if len(self._waiting) >= AT_ONCE:
                await self._flush()
        await self._flush()

    async def begin(self, at_us: int) -> SessionKey:
        """The session, opened if it is not."""
        return self.state.session or await self._begin(at_us, Body())

    async def leave(self, at_us: int) -> None:
        """The page is gone."""
        if self.state.session is not None:
            step = Step(0, "browser", {"eventName": "unload"})
            await self.take([step], lambda _: at_us)

    async def _step(self, step: Step, at_us: int) -> None:
        if step.route == "who":
            self._named(step.body)
            return
        body = Body(**{
            name: encoded(value) if name in _RAW else _exact(value)
            for name, value in step.body.items()
        })  # fmt: skip
        mask_body(body, self._app, self._settings)
        if step.route == "session":
            await self._told(body, at_us)
            return
        session = await self.begin(at_us)
        if step.route == "add":
            await self._add(step, body, session, at_us)
            return
        if step.connection is not None:
            link = self.state.links.get(step.connection)
            if link is None:
                self.refused["connection_not_found"] += 1
                return
            body.peerId, body.connectionId = str(link[0]), str(link[1])
        self._waiting.append(self._store(step.route, body, session, at_us))

    def _named(self, who: dict[str, Any]) -> None:
        """A trace may tell whose it is; what was decided before is not changed by it."""
        if self.state.session is None:
            user, conference = who.get("user"), who.get("conference")
            if isinstance(user, str) and not self._user:
                self._user = exact(user)[:USER_CHARACTERS]
            if isinstance(conference, str) and not self._conference:
                self._conference = exact(conference)[:64]

    async def _told(self, body: Body, at_us: int) -> None:
        if self.state.session is None:
            await self._begin(at_us, body)
            return
        update = Update(
            session=self.state.session, platform=json_part(body.platform, "platform"), constraints=None,
            devices=json_part(body.devices, "devices", most=None), webrtc_sdk=None,
        )  # fmt: skip
        await self._flush()
        await self._counted("events", self._fact(update))

    async def _begin(self, at_us: int, body: Body) -> SessionKey:
        conference, participant = self._entry or await self._fact(
            Initialize(
                app=self._app.id, organization=self._app.organization, conference_id=self._conference or self._fallback, conference_name=None,
                participant_id=self._user or "somebody", participant_name=None, at_us=at_us,
            )
        )  # fmt: skip
        session: SessionKey = await self._fact(
            StartSession(
                id=new_id(), conference=conference, participant=participant, at_us=at_us, platform=json_part(body.platform, "platform"),
                constraints=None, devices=json_part(body.devices, "devices", most=None), metadata={}, geo=self._geo,
                app_version=None, webrtc_sdk="rtcstats",
            )
        )  # fmt: skip
        self.state.session = session
        return session

    async def _add(self, step: Step, body: Body, session: SessionKey, at_us: int) -> None:
        assert step.connection is not None
        await self._flush()
        body.eventName = "addConnection"
        body.peerId = exact(f"{self._user or 'somebody'}/{step.connection}")[:64]
        event = reading.connection_event(body, session, at_us)
        self.state.links[step.connection] = await self._fact(event)
        self.taken["events"] += 1

    async def _store(self, route: str, body: Body, session: SessionKey, at_us: int) -> None:
        if route == "stats":
            await self._counted("samples", self._sample(body, session, at_us))
            return
        try:
            event = _READINGS[route](body, session, at_us)
        except AppError as refusal:
            self.refused[refusal.code] += 1
            return
        await self._counted("events", self._fact(event))

    async def _sample(self, body: Body, session: SessionKey, at_us: int) -> None:
        sample = reading.stats_sample(
            body, session, at_us, emos_version=self._settings.emos_version, thin=self._writer.must_thin
        )  # fmt: skip
        await _patiently(lambda: self._writer.commit_sample(sample))

    async def _fact(self, message: Message) -> Any:
        return await _patiently(lambda: self._writer.commit_fact(message))

    async def _counted(self, what: str, storing: Awaitable[object]) -> None:
        try:
            await storing
        except (Overloaded, ConnectionEnded):
            raise
        except AppError as refusal:
            self.refused[refusal.code] += 1
        else:
            self.taken[what] += 1

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, ConnectionEnded):
                # Of one connection; or of the session, then all the rest is refused too.
                self.refused[outcome.code] += 1
                self._ended += 1
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                self._ended = 0

    @property
    def is_over(self) -> bool:
        """Whether what came lately was refused because the session is gone."""
        return self._ended >= OVER_AFTER


def _exact(value: Any) -> Any:
    return exact(value) if isinstance(value, str) else value


async def _patiently(commit: Callable[[], Awaitable[Any]]) -> Any:
    for attempt in range(1, TRIES):
        try:
            return await commit()
        except Overloaded:
            await asyncio.sleep(0.2 * attempt)
    return await commit()


class TraceFeeder:
    """Feeds whole traces."""

    def __init__(self, writer: Writer, settings: MonitoringSettings) -> None:
        self._writer, self._settings = writer, settings

    async def feed(
        self, app: AppFacts, events: list[TraceEvent], *, conference: str, user: str
    ) -> tuple[SessionKey, dict[str, int], dict[str, int]]:
        """Store a trace as one session; answers it, how much was taken by kind and how much was refused by code.

        Raises as `Feed.take`.
        """
        if not events:
            raise InvalidParameters(field="trace")
        feed = Feed(self._writer, self._settings, app, conference=conference, user=user)
        story = Story()
        await feed.take((step for event in events for step in story.steps(event)), micros_of)
        last_us = micros_of(events[-1].at_ms)
        session = await feed.begin(last_us)
        await feed.leave(last_us)
        return session, dict(feed.taken), dict(feed.refused)


def micros_of(at_ms: float) -> int:
    """A trace's instant as one of ours."""
    return round(at_ms * 1000)
