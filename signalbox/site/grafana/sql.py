"""The statements of the dashboards. They read views alone, and are made of the same sums as the reading API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from signalbox.playback.queries.sums import HAS_STARTUP, OF_ROLLUPS, OF_SESSIONS, listed
from signalbox.playback.rules.outcomes import PLAYS
from signalbox.playback.rules.rates import Z95

TENANT: Final = "${tenant:sqlstring}::uuid"
FROM, TO = "$__timeFrom()::timestamptz", "$__timeTo()::timestamptz"
INTERVAL: Final = "${interval:sqlstring}::interval"
# A choice of all is the literal '*'.
_FILTERS: Final[Mapping[str, str]] = {
    "streamType": "stream_type",
    "contentId": "content_id",
    "deviceModel": "device_model",
    "sdkVersion": "sdk_version",
}
_PRUNE: Final = f"s.partition_ts >= date_trunc('month', {FROM} - interval '24 hours', 'UTC')"
IN_TIME: Final = (
    f's.tenant_id = {TENANT} AND s."timestamp" >= {FROM} AND s."timestamp" < {TO} AND {_PRUNE}'
)
FILTERS: Final = " AND ".join(
    f"(${{{name}:sqlstring}} = '*' OR s.{column} = ${{{name}:sqlstring}})"
    for name, column in _FILTERS.items()
)
CHOSEN: Final = f"{IN_TIME} AND {FILTERS}"
# Sums that need the settings of the server are the API's alone.
_SUMS: Final = {name: text for name, text in OF_SESSIONS.items() if name != "good"}
_ROLLED: Final = {name: text for name, text in OF_ROLLUPS.items() if name != "good"}


def _percentile(share: float) -> str:
    return f"percentile_cont({share}) WITHIN GROUP (ORDER BY s.player_startup_ms) FILTER (WHERE {HAS_STARTUP})"


ATTEMPTS: Final = "(t.start_failure + t.ebvs + t.playback_failure + t.played)"
FAILURES: Final = "(t.start_failure + t.playback_failure)"
METRICS: Final[Mapping[str, str]] = {
    "attempts": ATTEMPTS,
    "plays": "(t.playback_failure + t.played)",
    "sessions": "t.rows",
    "errorRate": f"{FAILURES} / nullif({ATTEMPTS}, 0)::double precision",
    "ebvsRate": f"t.ebvs / nullif({ATTEMPTS}, 0)::double precision",
    "rebufferRatio": "t.rebuffer_ms / nullif(t.rebuffer_ms + t.measured_play_ms, 0)::double precision",
    "rebufferFrequencyPerMinute": "t.rebuffer_count * 60000 / nullif(t.counted_play_ms, 0)::double precision",
    "startupMeanMs": "t.startup_ms / nullif(t.startup_n, 0)::double precision",
    "startupP50Ms": "t.p50",
    "startupP95Ms": "t.p95",
    "meanBitrateBps": "t.bitrate_sum / nullif(t.bitrate_play_ms, 0)",
    "viewerHours": "t.play_ms / 3600000.0::double precision",
    "score": "t.score_sum / nullif(t.score_n, 0)",
}
"""Figures of the API, by its names, over sums `t`."""


def _low_or_high(sign: str) -> str:
    """A bound of Wilson's interval of the error rate."""
    p, n, z2 = METRICS["errorRate"], ATTEMPTS, Z95 * Z95
    middle = f"({p} + {z2 / 2} / {n})"
    half = f"{Z95} * sqrt({p} * (1 - {p}) / {n} + {z2 / 4} / ({n} * {n})::double precision)"
    return f"CASE WHEN {n} > 0 THEN ({middle} {sign} {half}) / (1 + {z2} / {n}) END"


def totals(*names: str, where: str = CHOSEN) -> str:
    """Figures of all chosen sessions, one column each."""
    shown = ", ".join(f'{METRICS[name]} AS "{name}"' for name in names)
    return f"SELECT {shown} FROM ({_summed('', where)}) t"


def error_rate() -> str:
    """The error rate and the interval in which the true one lies."""
    rate = METRICS["errorRate"]
    return (
        f'SELECT {rate} AS "errorRate", {_low_or_high("-")} AS "low", {_low_or_high("+")} AS "high" '
        f"FROM ({_summed('', CHOSEN)}) t"
    )


def _summed(group: str, where: str) -> str:
    first = f"{group} AS value, " if group else ""
    last = " GROUP BY 1" if group else ""
    return (
        f"SELECT {first}{listed(_SUMS)}, {_percentile(0.5)} AS p50, {_percentile(0.95)} AS p95 "
        f"FROM playback.v_sessions s WHERE {where}{last}"
    )


def breakdown(column: str, title: str) -> str:
    """A row for each value of a property, those with the most attempts first."""
    shown = ("attempts", "score", "startupP95Ms", "rebufferRatio", "errorRate")
    figures = ", ".join(f'{METRICS[name]} AS "{name}"' for name in shown)
    inner = _summed(f"coalesce(s.{column}, '')", CHOSEN)
    return f'SELECT t.value AS "{title}", {figures} FROM ({inner}) t ORDER BY 2 DESC, 1 LIMIT 200'


# Minutes below an hour, hours from there on; only one of the two is read.
_ROLLUPS: Final = " UNION ALL ".join(
    f"SELECT * FROM playback.v_rollup_{table} WHERE app_id = {TENANT} AND starts >= {FROM} AND starts < {TO}"
    f" AND {INTERVAL} {compared} interval '1 hour'"
    for table, compared in (("1m", "<"), ("1h", ">="))
)
_STEP: Final = f"date_bin({INTERVAL}, s.starts, '1970-01-01 00:00:00+00')"


def over_time(*names: str) -> str:
    """Figures in each step, from what is added up already."""
    shown = ", ".join(f'{METRICS[name]} AS "{name}"' for name in names)
    return (
        f"SELECT t.time, {shown} FROM (SELECT {_STEP} AS time, {listed(_ROLLED)} FROM ({_ROLLUPS}) s"
        f" WHERE {FILTERS} GROUP BY 1) t ORDER BY 1"
    )


def outcomes_over_time() -> str:
    """How many sessions ended how, in each step."""
    names = ("played", "playback_failure", "start_failure", "ebvs", "early_exit")
    shown = ", ".join(f't.{name} AS "{name}"' for name in names)
    return (
        f"SELECT t.time, {shown} FROM (SELECT {_STEP} AS time, {listed(_ROLLED)} FROM ({_ROLLUPS}) s"
        f" WHERE {FILTERS} GROUP BY 1) t ORDER BY 1"
    )


def startup_over_time() -> str:
    """Mean, median and 95th percentile of the time to the first frame in each step; the last two to within 1 %."""
    mean = "sum(s.startup_ms) / nullif(sum(s.startup_n), 0)::double precision"
    return f"""WITH rows AS (SELECT {_STEP} AS time, s.startup_ms, s.startup_n, s.startup_buckets, s.startup_counts FROM ({_ROLLUPS}) s WHERE {FILTERS}),
means AS (SELECT time, {mean} AS mean FROM rows s GROUP BY 1),
counted AS (SELECT time, array_agg(b) AS buckets, array_agg(n) AS counts FROM rows CROSS JOIN LATERAL unnest(startup_buckets, startup_counts) AS u (b, n) GROUP BY 1)
SELECT m.time, m.mean AS "startupMeanMs", playback.counted_percentile(c.buckets, c.counts, 0.5) AS "startupP50Ms", playback.counted_percentile(c.buckets, c.counts, 0.95) AS "startupP95Ms"
FROM means m LEFT JOIN counted c USING (time) ORDER BY 1"""


_LISTED: Final = """s.session_id AS "session", s."timestamp" AS "end", s.started_at AS "start", s.outcome, s.score, s.duration_ms AS "duration",
    s.player_startup_ms AS "startup", s.rebuffer_count AS "rebuffers", s.rebuffer_ratio AS "rebuffer ratio", s.error_count AS "errors",
    s.content_id AS "content", s.stream_type AS "stream", s.device_model AS "device", s.sdk_version AS "SDK", s.connection_type AS "connection" """
SESSIONS: Final = f"""SELECT {_LISTED} FROM playback.v_sessions s WHERE {CHOSEN}
    AND (${{outcome:sqlstring}} = '*' OR s.outcome = ${{outcome:sqlstring}}) ORDER BY s."timestamp" DESC LIMIT 200"""

_ONE: Final = f"s.tenant_id = {TENANT} AND s.session_id = ${{sessionId:sqlstring}}"
SESSION_FACTS: Final = f"""SELECT s.session_id AS "Session", s.started_at AS "Session start", s."timestamp" AS "Session end", s.outcome AS "Outcome",
    s.device_model AS "Device", s.os_name AS "System", s.os_version AS "System version", s.sdk_version AS "SDK", s.app_version AS "App version",
    s.connection_type AS "Connection", s.content_id AS "Content", s.stream_type AS "Stream", s.cdn AS "CDN", s.dialect AS "Dialect",
    s.revision AS "Reports", s.flags AS "Flags" FROM playback.v_sessions s WHERE {_ONE}"""
SESSION_STATS: Final = f"""SELECT s.score AS "Score", s.player_startup_ms AS "Startup", s.duration_ms AS "Duration", s.play_time_ms AS "Played",
    s.rebuffer_time_ms AS "Rebuffered", s.rebuffer_count AS "Rebuffers", s.rebuffer_ratio AS "Rebuffer ratio", s.seek_count AS "Seeks",
    s.seek_time_ms AS "Seeking", s.dropped_frames AS "Dropped frames", s.mean_bitrate_bps AS "Mean bitrate", s.error_count AS "Errors"
    FROM playback.v_sessions s WHERE {_ONE}"""
SESSION_TIMELINE: Final = f"""SELECT s."timestamp" AS time, s.current_bitrate_bps AS "bitrate", s.buffered_ms AS "buffer", s.dropped_frames AS "dropped frames"
    FROM playback.v_timeline s WHERE {_ONE} ORDER BY s.elapsed_ms"""
SESSION_STATES: Final = f"""SELECT s."timestamp" AS time, s.playback_state AS "state" FROM playback.v_timeline s WHERE {_ONE} ORDER BY s.elapsed_ms"""
SESSION_PAYLOAD: Final = (
    f"""SELECT jsonb_pretty(s.payload) AS "payload" FROM playback.v_sessions s WHERE {_ONE}"""
)
SESSION_AND_FLEET: Final = f"""WITH one AS (SELECT * FROM playback.v_sessions s WHERE {_ONE}),
fleet AS (SELECT s.* FROM playback.v_sessions s, one WHERE s.tenant_id = {TENANT} AND s."timestamp" >= one."timestamp" - interval '7 days'
    AND s."timestamp" <= one."timestamp" AND s.partition_ts >= one.partition_ts - interval '40 days' AND s.outcome IN ({", ".join(repr(name) for name in sorted(PLAYS))}))
SELECT 'Startup' AS "figure", one.player_startup_ms::double precision AS "this session", (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY player_startup_ms) FROM fleet) AS "median of 7 days" FROM one
UNION ALL SELECT 'Rebuffer ratio', one.rebuffer_ratio, (SELECT sum(rebuffer_time_ms) / nullif(sum(play_time_ms::numeric + rebuffer_time_ms), 0)::double precision FROM fleet) FROM one
UNION ALL SELECT 'Score', one.score, (SELECT avg(score) FROM fleet) FROM one
UNION ALL SELECT 'Mean bitrate', one.mean_bitrate_bps, (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY mean_bitrate_bps) FROM fleet) FROM one"""

# As the API's `/live`: at the end of the time that is looked at, which is now.
_LIVE: Final = f"""s.tenant_id = {TENANT} AND s.last_received_at > {TO} - interval '45 seconds' AND s.last_received_at <= {TO}
    AND s.partition_ts >= date_trunc('month', {TO} - interval '32 days', 'UTC') AND s.dialect NOT IN ('D1', 'D2')
    AND (s.last_state = 'PLAYING' OR (s.last_state = 'BUFFERING' AND s.state_since >= {TO} - interval '300 seconds'))"""
LIVE_VIEWERS: Final = f'SELECT count(*) AS "viewers" FROM playback.v_sessions s WHERE {_LIVE}'
LIVE_SESSIONS: Final = f"""SELECT s.session_id AS "session", s.last_state AS "state", s.started_at AS "start", s.last_received_at AS "last report",
    s.content_id AS "content", s.stream_type AS "stream", s.device_model AS "device", s.connection_type AS "connection",
    s.player_startup_ms AS "startup", s.rebuffer_count AS "rebuffers" FROM playback.v_sessions s WHERE {_LIVE}
    ORDER BY s.last_received_at DESC LIMIT 200"""
_JUST_NOW: Final = f"""s.tenant_id = {TENANT} AND s."timestamp" >= {TO} - interval '5 minutes' AND s."timestamp" < {TO}
    AND s.partition_ts >= date_trunc('month', {TO} - interval '25 hours', 'UTC')"""


def just_now(*names: str) -> str:
    """Figures of the last five minutes."""
    return totals(*names, where=_JUST_NOW)


# The five-minute error rate, and the rate of the day that ended 35 minutes before.
ERRORS_AND_BASELINE: Final = f"""WITH steps AS (
    SELECT date_bin('5 minutes', s.starts, '1970-01-01 00:00:00+00') AS time, sum(s.start_failure + s.playback_failure) AS k,
        sum(s.start_failure + s.ebvs + s.playback_failure + s.played) AS n
    FROM playback.v_rollup_1m s WHERE s.app_id = {TENANT} AND s.starts >= {FROM} AND s.starts < {TO} GROUP BY 1),
past AS (
    SELECT (sum(s.start_failure + s.playback_failure) + 0.5) / (sum(s.start_failure + s.ebvs + s.playback_failure + s.played) + 1) AS p
    FROM playback.v_rollup_1m s WHERE s.app_id = {TENANT} AND s.starts >= {TO} - interval '24 hours 35 minutes' AND s.starts < {TO} - interval '35 minutes')
SELECT steps.time, (k / nullif(n, 0)::double precision) AS "error rate", past.p::double precision AS "baseline",
    greatest(2 * past.p, past.p + 0.02)::double precision AS "alarm above" FROM steps, past ORDER BY 1"""

VARIABLES: Final[Mapping[str, str]] = {
    "tenant": "SELECT tenant AS __text, tenant_id::text AS __value FROM playback.v_tenants ORDER BY 1",
    **{
        name: f"SELECT DISTINCT s.{column} FROM playback.v_rollup_1h s WHERE s.app_id = {TENANT} AND s.starts >= {FROM} - interval '1 hour'"
        f" AND s.starts < {TO} AND s.{column} IS NOT NULL ORDER BY 1 LIMIT 500"
        for name, column in _FILTERS.items()
    },
}
"""What can be chosen, by variable."""
