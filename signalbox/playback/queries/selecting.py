"""Which sessions a question is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from signalbox.playback.rules.spans import oldest_partition

# Filters of clients, and the columns that must be equal.
EQUAL: Final[Mapping[str, str]] = {
    "contentId": "content_id",
    "streamType": "stream_type",
    "outcome": "outcome",
    "deviceModel": "device_model",
    "sdkVersion": "sdk_version",
    "connectionType": "connection_type",
}
# Properties by which figures are told apart.
GROUPS: Final[Mapping[str, str]] = {
    "contentId": "content_id",
    "streamType": "stream_type",
    "deviceModel": "device_model",
    "osVersion": "os_version",
    "sdkVersion": "sdk_version",
    "connectionType": "connection_type",
    "cdn": "cdn",
    "appVersion": "app_version",
}
ROLLED_UP: Final = frozenset({"streamType", "deviceModel", "sdkVersion", "connectionType"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Sessions of an app that the asker may see, which ended at `begin` or later and before `end`, with these properties.

    `equal` has names of `EQUAL`; `has_errors` None: with and without.
    """

    app_id: UUID
    begin: datetime
    end: datetime
    equal: Mapping[str, str] = field(default_factory=dict)
    has_errors: bool | None = None
    min_startup_ms: int | None = None

    @property
    def is_rolled_up(self) -> bool:
        """Whether rollups tell these sessions from others."""
        plain = self.has_errors is None and self.min_startup_ms is None
        return plain and set(self.equal) <= ROLLED_UP

    def conditions(self, begin: datetime, end: datetime) -> tuple[str, dict[str, Any]]:
        """Over rows `s` of sessions that ended in a part of the span, with the values of its placeholders."""
        texts = [
            "s.app_id = %(app)s",
            's."timestamp" >= %(begin)s',
            's."timestamp" < %(end)s',
            "s.partition_ts >= %(prune)s",
        ]
        narrower, values = self.narrowing()
        values |= {"begin": begin, "end": end, "prune": oldest_partition(begin)}
        return " AND ".join([*texts, *narrower]), values

    def narrowing(self) -> tuple[list[str], dict[str, Any]]:
        """The properties alone, over rows `s` of sessions; the app is among the values."""
        texts = self._equal()
        values: dict[str, Any] = {"app": self.app_id, **self.equal}
        if self.has_errors is not None:
            texts.append(
                "s.error_count > 0" if self.has_errors else "coalesce(s.error_count, 0) = 0"
            )
        if self.min_startup_ms is not None:
            texts.append("s.player_startup_ms >= %(min_startup)s")
            values["min_startup"] = self.min_startup_ms
        return texts, values

    def of_rollups(self, begin: datetime, end: datetime) -> tuple[str, dict[str, Any]]:
        """As `conditions`, over rows `s` of a rollup."""
        texts = ["s.app_id = %(app)s", "s.starts >= %(begin)s", "s.starts < %(end)s"]
        values = {"app": self.app_id, "begin": begin, "end": end, **self.equal}
        return " AND ".join([*texts, *self._equal()]), values

    def _equal(self) -> list[str]:
        return [f"s.{EQUAL[name]} = %({name})s" for name in sorted(self.equal)]
