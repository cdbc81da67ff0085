"""Which tables are partitioned, and how long their rows are kept."""

from __future__ import annotations

from signalbox.core.partitions import PartitionPolicy
from signalbox.site.settings import Settings


def policies(settings: Settings) -> list[PartitionPolicy]:
    """The policies of all contexts."""
    monitoring = settings.monitoring
    return [
        PartitionPolicy(table="monitoring.events", keep_days=monitoring.events_days),
        PartitionPolicy(table="monitoring.samples", keep_days=monitoring.samples_days),
        PartitionPolicy(table="audit.audit_logs", keep_days=None, every="month"),
    ]
