"""Which tables are partitioned, and how long their rows are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from signalbox.core.partitions import PartitionPolicy
from signalbox.monitoring.rules.retention import longest
from signalbox.monitoring.settings import MonitoringSettings
from signalbox.playback.rules.retention import ROLLUP_DAYS, ROLLUP_TABLES, SESSION_TABLES
from signalbox.site.settings import Settings


def policies(settings: Settings, apps: Sequence[Mapping[Any, Any]]) -> list[PartitionPolicy]:
    """The policies of all contexts: a partition lives until the last of `apps` has no use for it."""
    monitoring = settings.monitoring
    events = longest(monitoring.events_days, (app["retention_events_days"] for app in apps))
    samples = longest(monitoring.samples_days, (app["retention_points_days"] for app in apps))
    rollups = longest(rollups_days(monitoring, {}), (rollups_days(monitoring, app) for app in apps))
    return [
        PartitionPolicy(table="monitoring.events", keep_days=events),
        PartitionPolicy(table="monitoring.samples", keep_days=samples),
        PartitionPolicy(table="monitoring.track_minutes", keep_days=rollups),
        PartitionPolicy(table="audit.audit_logs", keep_days=None, every="month"),
        PartitionPolicy(table="playback.cmcd_events", keep_days=settings.playback.cmcd_events_days),
        *playback_policies(settings),
    ]


def playback_policies(settings: Settings) -> list[PartitionPolicy]:
    """Months of sessions go whole when the last session in them is over for everybody: `playback.service` drops them."""
    made: list[PartitionPolicy] = [
        PartitionPolicy(
            table=table,
            keep_days=None,
            every="calendar",
            ahead=settings.playback.partition_ahead,
        )
        for table in SESSION_TABLES
    ]
    rollups = (
        PartitionPolicy(table=table, keep_days=ROLLUP_DAYS, every="calendar")
        for table in ROLLUP_TABLES
    )
    return [*made, *rollups]


def rollups_days(default: MonitoringSettings, app: Mapping[Any, Any]) -> int:
    """Days that an app keeps figures: as long as the samples at least, for what is stored of a day is taken in anew when more of it comes."""
    samples = app.get("retention_points_days") or default.samples_days
    return max(app.get("retention_rollups_days") or default.rollups_days, samples)


def coming(settings: Settings) -> list[PartitionPolicy]:
    """For a process that makes partitions ahead and drops none: what apps have chosen, the worker asks."""
    return [replace(policy, keep_days=None) for policy in policies(settings, [])]
