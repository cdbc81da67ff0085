"""The ASGI application: the hot doors in front, Litestar behind, and what both share."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from litestar import Litestar, Request, Response
from litestar.config.app import AppConfig
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ExceptionHandlersMap
from psycopg import AsyncConnection

from signalbox import __version__
from signalbox.accounts.guards import Accounts, Credential, reader, require_actor, still_readers
from signalbox.accounts.routes import route_handlers as account_handlers
from signalbox.accounts.signing import TokenSigner
from signalbox.accounts.store import APPS_CHANNEL
from signalbox.alerts.routes import alerts_router, playback_handlers
from signalbox.alerts.service import Channels
from signalbox.core import geo
from signalbox.core.actor import Actor
from signalbox.core.batch import GroupCommitWriter
from signalbox.core.clock import Clock, SystemClock
from signalbox.core.db import Database
from signalbox.core.following import Follower
from signalbox.core.limits import Limiter, LocalCredits, RateTable
from signalbox.core.live import Live
from signalbox.core.metrics import Metrics, open_metrics
from signalbox.core.notices import Notices
from signalbox.core.partitions import maintain
from signalbox.core.streams import Publisher, Watched
from signalbox.http import sse
from signalbox.http.body import Receive
from signalbox.http.cors import PrivateCors
from signalbox.http.errors import Dialect, RateLimited, Send, house_error, monitoring_error
from signalbox.http.guards import PACKS_ITSELF, exception_handlers
from signalbox.http.peers import client_address, networks
from signalbox.monitoring.cache import Identities
from signalbox.monitoring.ingest import IngestDoors
from signalbox.monitoring.ingest.feed import TraceFeeder
from signalbox.monitoring.ingest.live_traces import TraceDoor
from signalbox.monitoring.ingest.parts import Asgi, Parts, Scope
from signalbox.monitoring.routes import monitoring_router
from signalbox.monitoring.routes.apps import HANDLERS as APP_HANDLERS
from signalbox.monitoring.routes.apps import AppDefaults
from signalbox.monitoring.routes.wall import HANDLERS as WALL_HANDLERS
from signalbox.monitoring.rules.calls import micros
from signalbox.monitoring.service.live import LiveNews
from signalbox.monitoring.service.wall import Position, Walls
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.monitoring.sockets.live import LiveDoor, LiveParts
from signalbox.monitoring.sockets.rtcstats import RtcstatsSockets
from signalbox.monitoring.store import Applier
from signalbox.monitoring.store.messages import Message
from signalbox.playback.routes import playback_router
from signalbox.playback.routes.shapes import REFUSALS as PLAYBACK_REFUSALS
from signalbox.site.alerts import channels_of
from signalbox.site.cmcd_reference import OPERATIONS as CMCD_OPERATIONS
from signalbox.site.dashboard import DashboardDoor
from signalbox.site.dashboard_files import Build, installed_build
from signalbox.site.demo_pass import passes
from signalbox.site.docs_page import docs_handlers
from signalbox.site.health import HealthDoors
from signalbox.site.ingest_reference import OPERATIONS
from signalbox.site.live_reference import OPERATIONS as LIVE_OPERATIONS
from signalbox.site.lookups import LOOKUPS_ONLY
from signalbox.site.partitions import coming
from signalbox.site.playback import PlaybackKernel
from signalbox.site.playback_gate import ROOT as PLAYBACK_ROOT
from signalbox.site.playback_gate import unfound, unrouted
from signalbox.site.playback_reference import OPERATIONS as PLAYBACK_OPERATIONS
from signalbox.site.remembering import LiveMemory
from signalbox.site.secrets import with_stored_secrets
from signalbox.site.settings import Settings, load_settings, origin_of
from signalbox.site.stopping import before_stop

log = structlog.get_logger(__name__)


class Kernel:
    """The stores and mechanisms of one process, opened and closed together."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics | None = None) -> None:
        core = settings.core
        if core.database_url is None or core.redis_url is None:
            raise RuntimeError(
                "serve needs SIGNALBOX_DATABASE_URL and SIGNALBOX_REDIS_URL; `up` starts its own servers"
            )
        self.settings, self.clock = settings, clock
        self.is_draining = False
        self.metrics = metrics or open_metrics(core.data)
        self.db = Database(
            core.database_url, pool_size=core.database_pool_size, idle=core.database_idle
        )
        self.live = Live(
            core.redis_url,
            timeout_ms=core.redis_timeout_ms,
            on_failure=self.metrics.live_lost.inc,
        )
        self.limiter = Limiter(self.live, clock, RateTable.parse(core.rate_limits))
        self.publisher = Publisher(self.live, keep=settings.monitoring.live_kept)
        self.watched = Watched(self.live)
        self.follower = Follower(core.redis_url, self.live, sse.frame)
        news = LiveNews(self.publisher.tell, self.watched)
        applier = Applier(lambda: micros(clock.now()), news.wants)
        self.writer: GroupCommitWriter[Message] = GroupCommitWriter(
            self._connect,
            applier,
            metrics=self.metrics,
            after_commit=lambda: news.tell(applier.take()),
        )
        self.geo = geo.Geo(core.geo_path)
        self.notices = Notices(self.db.connect)
        self.identities = Identities(self.db, clock)
        self.notices.subscribe(
            APPS_CHANNEL, told=self.identities.forget_app, forget_all=self.identities.forget_apps
        )
        self.playback = PlaybackKernel(self)

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await self.db.connect()
        try:
            await maintain(connection, coming(self.settings), at=self.clock.now())
            await connection.execute(LOOKUPS_ONLY)
        except BaseException:
            await connection.close()
            raise
        return connection

    def drain(self) -> None:
        """This process is asked to end: from now on it is not ready."""
        self.is_draining = True

    async def open(self) -> None:
        """Open what a request needs. A database that is away now is asked for again with every commit."""
        await self.db.open()
        await self.live.open()
        # The first connection is made now: its time is not the first request's, whose limits would be counted without Redis.
        await self.live.ping()
        await self.publisher.open()
        await self.watched.open()
        await self.follower.open()
        await self.writer.open()
        await self.playback.open()
        await self.notices.open()

    async def close(self) -> None:
        """End the live streams, commit what waits, tell it, then let go of everything."""
        self.follower.end_all()
        await self.writer.close()
        await self.playback.close()
        await self.publisher.close()
        await self.watched.close()
        await self.follower.close()
        await self.notices.close()
        await self.live.close()
        await self.db.close()
        self.geo.close()


class Site:
    """One process of Signalbox as an ASGI application. `kernel` is there for the tests."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        metrics: Metrics | None = None,
        dashboard: Build | None = None,
    ) -> None:
        self.kernel = Kernel(settings, clock, metrics)
        accounts = _accounts(self.kernel)
        litestar = cast("Asgi", _litestar(self.kernel, accounts))
        private = PrivateCors(LiveDoor(_live(self.kernel, accounts), litestar), _origins(settings))
        behind = DashboardDoor(dashboard, private) if dashboard else private
        parts = _parts(self.kernel)
        sockets = RtcstatsSockets(
            TraceDoor(parts, LiveMemory(self.kernel.live)),
            self.kernel.playback.doors(IngestDoors(parts, behind)),
            max_bytes=settings.monitoring.max_body_bytes,
        )
        self._doors = HealthDoors(self.kernel, sockets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or start and stop."""
        await self._doors(scope, receive, send)


def _parts(kernel: Kernel) -> Parts:
    site = kernel.settings.site
    signer = TokenSigner(
        site.init_token_secret,
        site.session_token_secret,
        site.init_token_lifespan_s,
        site.session_token_lifespan_s,
    )
    return Parts(
        writer=kernel.writer,
        identities=kernel.identities,
        tokens=signer,
        credits=LocalCredits(kernel.limiter),
        clock=kernel.clock,
        settings=kernel.settings.monitoring,
        trusted=networks(site.trusted_proxies),
        locate=lambda address: dict(kernel.geo.lookup(address)),
        counts=kernel.metrics,
        web_host=_host(site.web_domain),
        excused=passes(site.demo_secret),
    )


def _origins(settings: Settings) -> frozenset[str]:
    """Origins of our own pages on another address."""
    domain = settings.site.web_domain
    return frozenset({origin_of(domain)}) if domain else frozenset()


def _host(domain: str | None) -> str:
    return urlsplit(origin_of(domain)).netloc if domain else ""


def _accounts(kernel: Kernel) -> Accounts:
    settings = kernel.settings
    trusted = networks(settings.site.trusted_proxies)
    return Accounts(
        db=kernel.db,
        clock=kernel.clock,
        limiter=kernel.limiter,
        settings=settings.accounts,
        production=settings.core.production,
        client_ip=lambda scope: client_address(scope, trusted),
        origins=_origins(settings),
        app_interval_ms=settings.monitoring.stats_interval_ms,
    )


def _live(kernel: Kernel, accounts: Accounts) -> LiveParts:
    within_limit = _limit_of_reading(kernel)

    async def admit(scope: Scope, credential: Credential) -> Actor:
        await within_limit(scope)
        return await reader(accounts, credential)

    return LiveParts(
        db=kernel.db,
        follower=kernel.follower,
        settings=kernel.settings.monitoring,
        counts=kernel.metrics,
        admit=admit,
        still=lambda credentials: still_readers(accounts, credentials),
    )


def _litestar(kernel: Kernel, accounts: Accounts) -> Litestar:
    settings, db, clock = kernel.settings, kernel.db, kernel.clock

    async def provide_db() -> Database:
        return db

    async def provide_clock() -> Clock:
        return clock

    async def position_of(organization_id: UUID) -> str | None:
        found = await kernel.follower.position(organization_id.hex)
        return None if found is None else found.decode()

    async def provide_live_position() -> Position:
        return position_of

    walls = Walls()

    async def provide_walls() -> Walls:
        return walls

    channels = channels_of(db, settings)

    async def provide_channels() -> Channels:
        return channels

    feeder = TraceFeeder(kernel.writer, settings.monitoring)

    async def provide_feeder() -> TraceFeeder:
        return feeder

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        await kernel.open()
        before_stop(kernel.drain)
        before_stop(kernel.follower.end_all)
        try:
            yield
        finally:
            await kernel.close()

    config = AppConfig(
        route_handlers=[
            monitoring_router(
                emos_version=settings.monitoring.emos_version,
                app_defaults=_app_defaults(settings.monitoring),
                more=(*APP_HANDLERS, *WALL_HANDLERS),
                not_found_as_400=settings.monitoring.not_found_as_400,
            ),
            alerts_router(),
            playback_router(more=playback_handlers(PLAYBACK_REFUSALS)),
            *account_handlers,
            *docs_handlers(OPERATIONS | LIVE_OPERATIONS | PLAYBACK_OPERATIONS | CMCD_OPERATIONS),
        ],
        dependencies={
            "db": Provide(provide_db),
            "clock": Provide(provide_clock),
            "actor": Provide(_readers(kernel)),
            "channels": Provide(provide_channels),
            "feeder": Provide(provide_feeder),
            "live_position": Provide(provide_live_position),
            "walls": Provide(provide_walls),
        },
        # At level 4 an answer of 2.6 MB takes 47 ms instead of 131 and is a tenth bigger.
        compression_config=CompressionConfig(
            backend="gzip",
            minimum_size=1000,
            gzip_compress_level=4,
            exclude_opt_key=PACKS_ITSELF,
        ),
        state=State({"accounts": accounts, "playback": kernel.playback.reading()}),
        lifespan=[lifespan],
        openapi_config=OpenAPIConfig(
            title="Signalbox",
            version=__version__,
            path="/schema",
            # Without one, a page is served here that loads its scripts from foreign hosts; ours is at /docs.
            render_plugins=[JsonRenderPlugin()],
            use_handler_docstrings=True,
        ),
        exception_handlers=_refusals(kernel),
    )
    return Litestar.from_config(config)


def _refusals(kernel: Kernel) -> ExceptionHandlersMap:
    """What no route answers; each door's paths in its own words."""
    handlers = exception_handlers(_dialects(kernel.clock))
    of_playback = unrouted(kernel.playback.gate, kernel.clock)
    of_others: Any = handlers[HTTPException]

    def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
        is_playbacks = request.url.path.startswith(PLAYBACK_ROOT)
        answer: Response[Any] = (of_playback if is_playbacks else of_others)(request, error)
        return answer

    return {**handlers, HTTPException: on_http}


def _app_defaults(settings: MonitoringSettings) -> AppDefaults:
    return AppDefaults(
        interval=settings.stats_interval_ms,
        retention_events_days=settings.events_days,
        retention_points_days=settings.samples_days,
        retention_rollups_days=settings.rollups_days,
        retention_days=settings.everything_days,
        masks=list(settings.masks),
    )


def _limit_of_reading(kernel: Kernel) -> Callable[[Any], Awaitable[None]]:
    """Counts a request of its address; raises RateLimited over the limit."""
    credit, most = LocalCredits(kernel.limiter), kernel.settings.monitoring.query_per_minute
    trusted = networks(kernel.settings.site.trusted_proxies)

    async def within_limit(scope: Any) -> None:
        address = client_address(scope, trusted)
        verdict = await credit.hit("query", f"ip:{address}", most, 60)
        if not verdict.allowed:
            raise RateLimited(retry_after_s=verdict.retry_after_s)

    return within_limit


def _readers(kernel: Kernel) -> Callable[[Request[Any, Any, Any]], Awaitable[Actor]]:
    """Dependency `actor`: who asks, unless this address has asked too much; strangers are counted, too."""
    within_limit = _limit_of_reading(kernel)

    async def provide_actor(request: Request[Any, Any, Any]) -> Actor:
        await within_limit(request.scope)
        return await require_actor(request)

    return provide_actor


def _dialects(clock: Clock) -> Callable[[str], Dialect]:
    """In which words refusals are told, by path."""
    of_playback = unfound(clock)

    def dialect(path: str) -> Dialect:
        if path.startswith(PLAYBACK_ROOT):
            return of_playback
        return house_error if path.startswith(("/api/", "/internal/")) else monitoring_error

    return dialect


def create_site(
    settings: Settings,
    *,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
    dashboard: Build | None = None,
) -> Site:
    """One process's application. Without `metrics` its figures are shared through the data folder; without a `dashboard` the simple pages are shown."""
    return Site(settings, clock or SystemClock(), metrics, dashboard)


def site_from_env() -> Site:
    """The application as the environment describes it; for the server's processes."""
    first = load_settings(os.environ)
    dashboard = installed_build()
    if dashboard is None:
        log.warning("dashboard.not_built", remedy="make web")
    settings = load_settings(with_stored_secrets(os.environ, first.core.data))
    return create_site(settings, dashboard=dashboard)
