"""Network shapes of monitoring: bodies that are sent to the doors, and stored reports read again for their figures."""

from __future__ import annotations

from signalbox.monitoring.wire.bodies import (
    NOTHING,
    Body,
    Candidate,
    Flows,
    Pair,
    Report,
    StatsData,
    any_value,
    connection_uuid,
    decode_body,
    decode_stats,
    delta_ms,
    event_name,
    exact_text,
    is_json_null,
    meta,
    required_text,
    rewritten,
    storable,
    uuid_or_none,
    without_credentials,
)
from signalbox.monitoring.wire.reports import decode_reading, thinned_reading

__all__ = [
    "NOTHING",
    "Body",
    "Candidate",
    "Flows",
    "Pair",
    "Report",
    "StatsData",
    "any_value",
    "connection_uuid",
    "decode_body",
    "decode_reading",
    "decode_stats",
    "delta_ms",
    "event_name",
    "exact_text",
    "is_json_null",
    "meta",
    "required_text",
    "rewritten",
    "storable",
    "thinned_reading",
    "uuid_or_none",
    "without_credentials",
]
