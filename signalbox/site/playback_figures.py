"""Playback's figures under the names that dashboards of Media3Watch know, and its access log.

A figure in a file that processes share costs 3 µs each time it is written. So counts are gathered here and written once a second.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import structlog

from signalbox.core.metrics import FLUSH_AFTER_S, Metrics
from signalbox.playback.ingest.parts import Exchange
from signalbox.site.access_log import AccessLog

if TYPE_CHECKING:
    from prometheus_client import Counter, Histogram

log = structlog.get_logger(__name__)

TENANTS_MAX: Final = 200  # names of apps in labels; all others are OTHER
OTHER: Final = "other"
_REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 8)
_QUERY_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LAG_S: Final = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14_400, 86_400)


class _Gathered:
    """Values of one series of a histogram that are not written yet."""

    __slots__ = ("buckets", "total")

    def __init__(self, buckets: int) -> None:
        self.buckets, self.total = [0] * buckets, 0.0


class PlaybackFigures:
    """What the doors, the writer and the jobs of playback tell. One per process."""

    def __init__(
        self,
        metrics: Metrics,
        access: AccessLog,
        *,
        pool: Callable[[], tuple[int, int, int]] = lambda: (0, 0, 0),
        limits_are_local: Callable[[], bool] = lambda: False,
    ) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self._bounds: dict[Histogram, tuple[float, ...]] = {}
        made: dict[str, Any] = {"registry": metrics.registry}
        live: dict[str, Any] = {**made, "multiprocess_mode": "livesum"}
        most: dict[str, Any] = {**made, "multiprocess_mode": "livemax"}

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, **made)

        def histogram(name: str, text: str, buckets: Iterable[float], *labels: str) -> Histogram:
            bounds = tuple(buckets)
            made_one = Histogram(name, text, labels, buckets=bounds, **made)
            self._bounds[made_one] = bounds
            return made_one

        self._requests = counter("http_server_requests", "Answered requests.", "method", "route", "status")  # fmt: skip
        self._request_s = histogram("http_server_request_duration_seconds", "Time to the answer.", _REQUEST_S, "method", "route")  # fmt: skip
        self._query_s = histogram("db_query_duration_seconds", "Time of a transaction.", _QUERY_S, "query")  # fmt: skip
        self._ingested = counter("sessions_ingested", "Sessions stored for the first time.")
        self._failed = counter("sessions_failed", "Reports answered with a 5xx.")
        self._reports = counter("playback_reports", "Reports taken.", "tenant", "dialect", "result")
        self._rejected = counter("playback_rejected", "Requests refused.", "tenant", "code", "field")  # fmt: skip
        self._skews = counter("playback_clock_skew", "Reports of clocks that are not believed.", "tenant", "kind")  # fmt: skip
        self._lag_s = histogram("playback_ingest_lag_seconds", "Age of a report when it came.", _LAG_S, "dialect")  # fmt: skip
        self._limited = counter("playback_rate_limited", "Requests over a limit.", "tenant", "reason")  # fmt: skip
        self._key_requests = counter("playback_key_requests", "Requests of keys.", "key_id", "status")  # fmt: skip
        self._deleted = counter("playback_retention_deleted", "Rows removed.", "tenant", "table")
        self._lines = counter("playback_cmcd_lines", "Lines of CMCD.", "tenant", "version", "result")  # fmt: skip
        self._pool_active = Gauge("db_connection_pool_active", "Connections used.", **live)
        self._pool_idle = Gauge("db_connection_pool_idle", "Connections idle.", **live)
        self._pool_max = Gauge("db_connection_pool_max", "Connections there may be.", **live)
        self._partitions = Gauge("playback_partitions", "Partitions.", ("table",), **most)
        self._default_rows = Gauge("playback_default_partition_rows", "Rows without a partition of their own.", ("table",), **most)  # fmt: skip
        self._spool_bytes = Gauge("playback_spool_bytes", "Bytes that wait on disk.", **most)
        self._spool_oldest_s = Gauge("playback_spool_oldest_seconds", "Age of what waits longest.", **most)  # fmt: skip
        self._backend = Gauge("playback_ratelimit_backend", "Who counts limits.", ("backend",), **most)  # fmt: skip
        self._viewers = Gauge("playback_concurrent_viewers", "Viewers now.", ("tenant",), **most)
        self._access, self._pool, self._limits_are_local = access, pool, limits_are_local
        self._tenants: set[str] = set()
        self._counts: dict[tuple[Counter, tuple[str, ...]], int] = {}
        self._values: dict[tuple[Histogram, tuple[str, ...]], _Gathered] = {}
        self._warned_of_limits = LimitHint()
        self._due = False
        metrics.before_render.append(self.flush)

    # --- the doors --------------------------------------------------------------------------------

    def answered(self, exchange: Exchange) -> None:
        """One request is answered: counted, and written down."""
        exchange.ended_s = perf_counter()
        status, method, route = exchange.status, exchange.method, exchange.route
        self._count(self._requests, method, route, str(status))
        self._observe(self._request_s, exchange.ended_s - exchange.begun_s, method, route)
        if status >= 500 and method == "POST":
            self._count(self._failed)
        self._warned_of_limits.count(is_limited=status == 429, at_s=exchange.ended_s)
        self._access.write(exchange)

    def reported(self, exchange: Exchange, dialect: str, result: str, lag_ms: int) -> None:
        """One report was taken."""
        self._count(self._reports, self._tenant(exchange.tenant), dialect, result)
        self._observe(self._lag_s, lag_ms / 1000, dialect)
        if result == "created":
            self._count(self._ingested)

    def skewed(self, tenant: str, kind: str) -> None:
        """The clock of a device is not believed."""
        self._count(self._skews, self._tenant(tenant), kind)

    def refused(self, tenant: str, code: str, fields: Iterable[str]) -> None:
        """A request was refused, for these fields where it was for any."""
        for field in fields or ("",):
            self._count(self._rejected, self._tenant(tenant), code, field)

    def limited(self, tenant: str, reason: str) -> None:
        """A request came too soon."""
        self._count(self._limited, self._tenant(tenant), reason)

    def key_used(self, key_id: str, status: str) -> None:
        """A key was used."""
        self._count(self._key_requests, key_id, status)

    def cmcd_lines(self, tenant: str, version: str, result: str, lines: int) -> None:
        """So many lines of CMCD had this result."""
        self._count(self._lines, self._tenant(tenant), version, result, by=lines)

    # --- the writer, the spool, the jobs ----------------------------------------------------------

    def refused_by_lane(self, lane: str) -> None:
        """A report found the writer's lane full."""
        self._count(self._rejected, "", "OVERLOADED", lane)

    def query_took(self, query: str, seconds: float) -> None:
        """A transaction of the kind "timeline", "rollup", "read" or "retention" took so long."""
        self._observe(self._query_s, seconds, query)

    def spool(self, size_bytes: int, age_s: float | None) -> None:
        """What waits on this machine's disk."""
        self._spool_bytes.set(size_bytes)
        self._spool_oldest_s.set(age_s or 0)

    def partitions(self, table: str, count: int, default_rows: int) -> None:
        """How many partitions a table has, and rows that are in none of their own."""
        self._partitions.labels(table).set(count)
        self._default_rows.labels(table).set(default_rows)

    def deleted(self, tenant: str, table: str, rows: int) -> None:
        """Retention has removed rows."""
        self._count(self._deleted, self._tenant(tenant), table, by=rows)

    def viewers(self, tenant: str, count: int) -> None:
        """So many watch now."""
        self._viewers.labels(self._tenant(tenant)).set(count)

    # --- gathering --------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was gathered."""
        self._due = False
        counts, self._counts = self._counts, {}
        for (counter, labels), by in counts.items():
            (counter.labels(*labels) if labels else counter).inc(by)
        values, self._values = self._values, {}
        for (histogram, labels), gathered in values.items():
            child = histogram.labels(*labels) if labels else histogram
            child._sum.inc(gathered.total)  # noqa: SLF001  # there is no public way to add many at once
            for bucket, by in enumerate(gathered.buckets):
                if by:
                    child._buckets[bucket].inc(by)  # noqa: SLF001  # the same
        active, idle, most = self._pool()
        self._pool_active.set(active)
        self._pool_idle.set(idle)
        self._pool_max.set(most)
        is_local = self._limits_are_local()
        self._backend.labels("local").set(int(is_local))
        self._backend.labels("redis").set(int(not is_local))

    def _count(self, counter: Counter, *labels: str, by: int = 1) -> None:
        key = (counter, labels)
        self._counts[key] = self._counts.get(key, 0) + by
        self._flush_soon()

    def _observe(self, histogram: Histogram, value: float, *labels: str) -> None:
        bounds = self._bounds[histogram]
        key = (histogram, labels)
        gathered = self._values.get(key)
        if gathered is None:
            gathered = self._values[key] = _Gathered(len(bounds) + 1)
        gathered.buckets[bisect_left(bounds, value)] += 1
        gathered.total += value
        self._flush_soon()

    def _flush_soon(self) -> None:
        if self._due:
            return
        self._due = True
        try:
            asyncio.get_running_loop().call_later(FLUSH_AFTER_S, self.flush)
        except RuntimeError:  # no loop runs here
            self.flush()

    def _tenant(self, name: str) -> str:
        if name in self._tenants:
            return name
        if len(self._tenants) >= TENANTS_MAX:
            return OTHER
        self._tenants.add(name)
        return name


class WriterFigures:
    """What the writer of reports tells, in the words of the figures."""

    def __init__(self, figures: PlaybackFigures, query: str = "upsert") -> None:
        self._figures, self._query = figures, query

    def committed(self, messages: int, seconds: float) -> None:  # noqa: ARG002  # as the writer tells it
        """One transaction of reports took so long."""
        self._figures.query_took(self._query, seconds)

    def refused(self, lane: str) -> None:
        """A report found the lane full."""
        self._figures.refused_by_lane(lane)

    def depth(self, facts: int, samples: int) -> None:
        """How much waits; not shown."""


class LimitHint:
    """Says in the log when more than 1 % of requests are over their limit for 5 minutes: a viewer sends 4 to 60 a minute."""

    WINDOW_S: Final = 300.0
    SHARE: Final = 0.01
    LEAST: Final = 100  # requests; of fewer a share says little

    def __init__(self) -> None:
        self._since_s, self._all, self._limited = 0.0, 0, 0

    def count(self, *, is_limited: bool, at_s: float) -> None:
        """One answer, at seconds of a steady clock."""
        if at_s - self._since_s >= self.WINDOW_S:
            self._say()
            self._since_s, self._all, self._limited = at_s, 0, 0
        self._all += 1
        self._limited += is_limited

    def _say(self) -> None:
        if self._all >= self.LEAST and self._limited > self.SHARE * self._all:
            log.warning(
                "playback.limit_too_low",
                limited=self._limited,
                requests=self._all,
                remedy="SIGNALBOX_PLAYBACK_RATE_LIMIT, or a limit of the key's own",
            )
