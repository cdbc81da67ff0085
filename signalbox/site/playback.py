"""Playback in one process of the site: its writer, its keys, its spool and its doors."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection

from signalbox.accounts.store import APPS_CHANNEL, KEYS_CHANNEL
from signalbox.core.batch import GroupCommitWriter, LaneLimits
from signalbox.core.limits import LocalCredits
from signalbox.core.logging import writes_json
from signalbox.core.partitions import maintain
from signalbox.core.settings import SettingError
from signalbox.core.spool import Spool
from signalbox.http.peers import networks
from signalbox.monitoring.rules.calls import micros
from signalbox.playback.cache import Keys
from signalbox.playback.ingest import CmcdDoors, PlaybackDoors
from signalbox.playback.ingest.parts import Asgi, Parts
from signalbox.playback.routes.slashes import SlashedIds
from signalbox.playback.routes.visiting import Reading
from signalbox.playback.rules.times import Belief
from signalbox.playback.service.spooling import ReportSpool
from signalbox.playback.store import Applier
from signalbox.playback.store.cmcd import TABLE as LINES_TABLE
from signalbox.playback.store.cmcd import CmcdApplier, CmcdBatch
from signalbox.playback.store.messages import Message
from signalbox.site.access_log import AccessLog
from signalbox.site.demo_pass import passes
from signalbox.site.lookups import LOOKUPS_ONLY
from signalbox.site.partitions import coming, playback_policies
from signalbox.site.playback_figures import PlaybackFigures, WriterFigures
from signalbox.site.playback_gate import ReadingGate
from signalbox.site.settings import Settings

if TYPE_CHECKING:
    from signalbox.site.app import Kernel

# A server that hangs is given up early enough for a client to be told within 8 s.
LIMITS: Final = LaneLimits(facts_per_batch=256, transaction_s=3.0)
# A post may have 1000 lines: few of them make a transaction, which then takes a second or two.
LINE_LIMITS: Final = LaneLimits(samples_per_batch=32, max_samples=2_000, transaction_s=5.0)
WELL_KNOWN_KEY: Final = "dev-key"
# A plan for arrays of a known length always looks cheaper than one for any, so one would be made for every batch: for all
# partitions, at a cost of more than a millisecond (measured).
PLANS_KEPT: Final = "SET plan_cache_mode = force_generic_plan"
log = structlog.get_logger(__name__)


def check_key(settings: Settings) -> None:
    """Refuse to start in production with the key that everybody knows; elsewhere warn. Raises SettingError."""
    if settings.playback.built_in_key != WELL_KNOWN_KEY:
        return
    if settings.core.production:
        raise SettingError("SIGNALBOX_PLAYBACK_KEY", "is known to everybody: choose another one")
    log.warning("playback.key_well_known", remedy="set SIGNALBOX_PLAYBACK_KEY to a key of your own")


class PlaybackKernel:
    """What playback's requests need, opened and closed with the process's kernel."""

    def __init__(self, kernel: Kernel) -> None:
        settings = kernel.settings
        check_key(settings)
        self._kernel, own = kernel, settings.playback
        core = settings.core
        access = AccessLog(
            as_json=writes_json(core.log_format, production=core.production), level=core.log_level
        )
        self.figures = PlaybackFigures(
            kernel.metrics,
            access,
            pool=lambda: kernel.db.pool_counts,
            limits_are_local=lambda: not kernel.live.available,
        )
        belief = Belief(max_future_ms=own.max_future_skew_ms, max_past_days=own.max_past_days)
        # One, however many cores there are: two share the reports, so that each has half as many in a batch, and cost a third more CPU (measured).
        self.writer: GroupCommitWriter[Message] = GroupCommitWriter(
            self._connect,
            Applier(lambda: micros(kernel.clock.now()), belief).transaction,
            limits=LIMITS,
            metrics=WriterFigures(self.figures),
            share_by=lambda message: message.app,
            transacts=True,
        )
        # Lines share no transactions with reports: many of one must not keep the other waiting.
        self.lines: GroupCommitWriter[CmcdBatch] = GroupCommitWriter(
            self._connect_lines,
            CmcdApplier(lambda: micros(kernel.clock.now())),
            limits=LINE_LIMITS,
            metrics=WriterFigures(self.figures, "cmcd"),
            share_by=lambda batch: batch.app_id,
        )
        self.keys = Keys(kernel.db, built_in=own.built_in_key)
        kernel.notices.subscribe(
            APPS_CHANNEL, told=self.keys.forget_app, forget_all=self.keys.forget_all
        )
        kernel.notices.subscribe(
            KEYS_CHANNEL, told=self.keys.forget_key, forget_all=self.keys.forget_all
        )
        spool = Spool(core.data / "spool" / "playback", max_bytes=own.spool_max_bytes)
        self.spool = ReportSpool(spool if own.spool else None, self.writer, show=self._show_spool)

    async def _connect(self) -> AsyncConnection[Any]:
        connection = await self._kernel.db.connect()
        try:
            await connection.execute(LOOKUPS_ONLY)
            await connection.execute(PLANS_KEPT)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _connect_lines(self) -> AsyncConnection[Any]:
        connection = await self._connect()
        try:
            days = [one for one in coming(self._kernel.settings) if one.table == LINES_TABLE]
            await maintain(connection, days, at=self._kernel.clock.now())
        except BaseException:
            await connection.close()
            raise
        return connection

    def _show_spool(self, size_bytes: int, begun_s: float | None) -> None:
        self.figures.spool(size_bytes, None if begun_s is None else time.time() - begun_s)

    async def prepare(self) -> None:
        """Make the partitions of this month and those to come; a database that is away is asked again later."""
        try:
            connection = await self._kernel.db.connect()
        except (psycopg.Error, OSError):
            return
        try:
            policies = playback_policies(self._kernel.settings)
            await maintain(connection, policies, at=self._kernel.clock.now())
        except (psycopg.Error, OSError) as error:
            log.warning("playback.partitions_missing", error=type(error).__name__)
        finally:
            await connection.close()

    def spool_is_fine(self) -> bool:
        """Whether it is less than nine tenths full."""
        most = self._kernel.settings.playback.spool_max_bytes
        return self.spool.size_bytes < most * 9 // 10

    async def open(self) -> None:
        """Begin to store."""
        await self.prepare()
        await self.writer.open()
        await self.lines.open()
        await self.spool.open()

    async def close(self) -> None:
        """Store what waits."""
        await self.spool.close()
        await self.lines.close()
        await self.writer.close()
        await self.keys.close()

    def doors(self, rest: Asgi) -> CmcdDoors:
        """The routes that players report to, in front of `rest`."""
        return CmcdDoors(self.parts, self.lines, PlaybackDoors(self.parts, SlashedIds(rest)))

    @cached_property
    def gate(self) -> ReadingGate:
        """What those who read pass."""
        return ReadingGate(self.parts, self.figures.query_took)

    def reading(self) -> Reading:
        """What the reading routes work with."""
        kernel = self._kernel
        return Reading(
            db=kernel.db,
            clock=kernel.clock,
            settings=kernel.settings.playback,
            gate=self.gate,
        )

    @cached_property
    def parts(self) -> Parts:
        """What all doors of playback work with."""
        kernel = self._kernel
        return Parts(
            writer=self.writer,
            keys=self.keys,
            limits=kernel.limiter,
            credits=LocalCredits(kernel.limiter),
            spool=self.spool,
            told=self.figures,
            clock=kernel.clock,
            settings=kernel.settings.playback,
            trusted=networks(kernel.settings.site.trusted_proxies),
            built_in_in_pages=not kernel.settings.core.production,
            excused=passes(kernel.settings.site.demo_secret),
        )
