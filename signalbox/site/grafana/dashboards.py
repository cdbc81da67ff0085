"""The seven dashboards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from signalbox.playback.rules.figures import OUTCOMES
from signalbox.site.grafana import sql
from signalbox.site.grafana.panels import Dashboard, Panel, Variable

RATIO: Final = "percentunit"
STARTUP_STEPS: Final = (2000.0, 5000.0)  # ms
SHARE_STEPS: Final = (0.01, 0.05)
_TENANT: Final = Variable(name="tenant", label="Tenant", sql=sql.VARIABLES["tenant"])
_LABELS: Final = {
    "streamType": "Stream",
    "contentId": "Content",
    "deviceModel": "Device",
    "sdkVersion": "SDK",
}
COMMON: Final[Sequence[Variable]] = (
    _TENANT,
    Variable(name="interval", label="Interval", words=("5m", "1m", "1h", "1d")),
    *(
        Variable(name=name, label=label, sql=sql.VARIABLES[name], with_all=True)
        for name, label in _LABELS.items()
    ),
)

OVERVIEW: Final = Dashboard(
    uid="m3w-overview",
    title="Playback overview",
    variables=COMMON,
    refresh="1m",
    panels=(
        Panel(title="Total sessions", kind="stat", sql=sql.totals("attempts", "sessions"), text="Attempts, and all rows beside them."),
        Panel(title="Startup p50 / p95", kind="stat", sql=sql.totals("startupP50Ms", "startupP95Ms"), unit="ms", steps=STARTUP_STEPS),
        Panel(title="Error rate", kind="stat", sql=sql.error_rate(), unit=RATIO, steps=SHARE_STEPS, text="Of attempts, with the 95 % interval."),
        Panel(title="Rebuffer ratio", kind="stat", sql=sql.totals("rebufferRatio"), unit=RATIO, steps=SHARE_STEPS),
        Panel(title="Rebuffers per minute", kind="stat", sql=sql.totals("rebufferFrequencyPerMinute")),
        Panel(title="Mean bitrate", kind="stat", sql=sql.totals("meanBitrateBps"), unit="bps"),
        Panel(title="Viewer hours", kind="stat", sql=sql.totals("viewerHours"), unit="h"),
        Panel(title="Experience score", kind="stat", sql=sql.totals("score")),
        Panel(title="Exits before video start", kind="stat", sql=sql.totals("ebvsRate"), unit=RATIO, text="Patience moves viewers between this and the startup percentiles."),
        Panel(title="Sessions over time", kind="timeseries", sql=sql.over_time("attempts", "plays"), width=12, height=8),
        Panel(title="Startup over time", kind="timeseries", sql=sql.startup_over_time(), unit="ms", width=12, height=8, text="Percentiles to within 1 %."),
        Panel(title="Outcomes", kind="timeseries", sql=sql.outcomes_over_time(), stacked=True, width=24, height=8),
    ),
)  # fmt: skip

_PROPERTIES: Final = {
    "VOD and LIVE": ("stream_type", "stream"),
    "Contents": ("content_id", "content"),
    "Devices": ("device_model", "device"),
    "SDKs": ("sdk_version", "SDK"),
    "Connections": ("connection_type", "connection"),
    "CDNs": ("cdn", "CDN"),
}
BREAKDOWN: Final = Dashboard(
    uid="m3w-breakdown",
    title="Playback breakdown",
    variables=COMMON,
    panels=[
        Panel(
            title=title,
            kind="table",
            sql=sql.breakdown(column, name),
            width=12,
            height=9,
        )
        for title, (column, name) in _PROPERTIES.items()
    ],
)

EXPLORER: Final = Dashboard(
    uid="m3w-explorer",
    title="Playback sessions",
    variables=(
        *COMMON,
        Variable(name="outcome", label="Outcome", words=OUTCOMES, with_all=True),
    ),
    panels=(Panel(title="Sessions", kind="table", sql=sql.SESSIONS, width=24, height=22, link="session"),),
)  # fmt: skip

DETAIL: Final = Dashboard(
    uid="m3w-session-detail",
    title="Playback session",
    variables=(_TENANT, Variable(name="sessionId", label="Session")),
    panels=(
        Panel(title="Facts", kind="table", sql=sql.SESSION_FACTS, width=24, height=5),
        Panel(title="Figures", kind="stat", sql=sql.SESSION_STATS, width=24, height=6),
        Panel(title="Bitrate and buffer", kind="timeseries", sql=sql.SESSION_TIMELINE, width=24, height=9),
        Panel(title="States", kind="state-timeline", sql=sql.SESSION_STATES, width=24, height=5),
        Panel(title="This session and the last seven days", kind="table", sql=sql.SESSION_AND_FLEET, width=12, height=8),
        Panel(title="Payload", kind="table", sql=sql.SESSION_PAYLOAD, width=12, height=8),
    ),
)  # fmt: skip

LIVE: Final = Dashboard(
    uid="m3w-live",
    title="Playback live",
    variables=(_TENANT,),
    span="now-15m",
    refresh="10s",
    panels=(
        Panel(title="Viewers now", kind="stat", sql=sql.LIVE_VIEWERS),
        Panel(title="Errors, last 5 minutes", kind="stat", sql=sql.just_now("errorRate"), unit=RATIO, steps=SHARE_STEPS),
        Panel(title="Startup, last 5 minutes", kind="stat", sql=sql.just_now("startupP50Ms", "startupP95Ms"), unit="ms", steps=STARTUP_STEPS),
        Panel(title="Rebuffering, last 5 minutes", kind="stat", sql=sql.just_now("rebufferRatio"), unit=RATIO, steps=SHARE_STEPS),
        Panel(title="Who watches", kind="table", sql=sql.LIVE_SESSIONS, width=24, height=16, link="session"),
    ),
)  # fmt: skip

ALERTS: Final = Dashboard(
    uid="m3w-alerts",
    title="Playback alerts",
    variables=(_TENANT,),
    refresh="1m",
    panels=(
        Panel(title="Open alerts", kind="table", prom=[("playback_alert_active > 0", "{{tenant}} {{rule}} {{cohort}}")], width=24, height=8),
        Panel(title="Error rate and its baseline", kind="timeseries", sql=sql.ERRORS_AND_BASELINE, unit=RATIO, width=24, height=10),
    ),
)  # fmt: skip

_QUANTILE: Final = 'histogram_quantile({0}, sum by (le) (rate(http_server_request_duration_seconds_bucket{{route=~"/v1/(sessions|playback/sessions|cmcd.*)"}}[5m])))'
INGEST: Final = Dashboard(
    uid="m3w-ingest",
    title="Playback ingest",
    span="now-6h",
    refresh="30s",
    panels=(
        Panel(title="Requests by status", kind="timeseries", prom=[("sum by (status) (rate(http_server_requests_total[5m]))", "{{status}}")], unit="reqps", width=12, height=8),
        Panel(title="Latency", kind="timeseries", prom=[(_QUANTILE.format("0.5"), "p50"), (_QUANTILE.format("0.99"), "p99")], unit="s", width=12, height=8),
        Panel(title="Over the limit", kind="timeseries", prom=[("sum by (tenant, reason) (rate(playback_rate_limited_total[5m]))", "{{tenant}} {{reason}}")], unit="reqps", width=12, height=8),
        Panel(title="Stale and duplicate reports", kind="timeseries", prom=[('sum by (result) (rate(playback_reports_total{result=~"stale|duplicate"}[5m])) / ignoring(result) group_left sum(rate(playback_reports_total[5m]))', "{{result}}")], unit=RATIO, width=12, height=8),
        Panel(title="Database connections", kind="timeseries", prom=[("db_connection_pool_active", "used"), ("db_connection_pool_idle", "idle"), ("db_connection_pool_max", "most")], width=8, height=7),
        Panel(title="Age of reports when they come", kind="timeseries", prom=[("histogram_quantile(0.95, sum by (le, dialect) (rate(playback_ingest_lag_seconds_bucket[5m])))", "{{dialect}} p95")], unit="s", width=8, height=7),
        Panel(title="Partitions, and rows without one", kind="timeseries", prom=[("playback_partitions", "{{table}}"), ("playback_default_partition_rows", "{{table}} without")], width=8, height=7),
    ),
)  # fmt: skip

DASHBOARDS: Final = (OVERVIEW, BREAKDOWN, EXPLORER, DETAIL, LIVE, ALERTS, INGEST)
