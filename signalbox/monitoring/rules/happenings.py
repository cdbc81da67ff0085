"""What a commit has changed, in the words of the live stream, and how samples are thinned for it.

A happening has a noun (`kind`) and a verb (`change`). Its data carries the fields that changed and the ids that tell what they belong to, under the names
of the query API.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple
from uuid import UUID

KINDS = {
    "conference": ("created", "began", "ended", "changed"),
    "session": ("began", "ended", "changed"),
    "connection": ("added", "changed", "ended"),
    "issue": ("opened", "updated", "closed", "withdrawn"),
    "sample": ("taken",),
}


class Happening(NamedTuple):
    """Something that watchers of a conference, of its app and of its organization are told."""

    organization: UUID
    app: UUID
    conference: UUID
    kind: str
    change: str
    data: dict[str, Any]


class Thinning:
    """Lets one sample of a connection pass per second of event time; a report holds all tracks of its connection."""

    def __init__(self, limit: int = 20_000) -> None:
        self._seconds: OrderedDict[UUID, int] = OrderedDict()
        self._limit = limit

    def passes(self, connection: UUID, at_us: int) -> bool:
        """Whether this sample is the first of its second and not older than one that passed."""
        second = at_us // 1_000_000
        if second <= self._seconds.get(connection, -1):
            return False
        self._seconds[connection] = second
        self._seconds.move_to_end(connection)
        if len(self._seconds) > self._limit:
            self._seconds.popitem(last=False)
        return True


def verb(*, was_running: bool, runs: bool, begins: str = "began", ends: str = "ended") -> str:
    """What a change of something that runs is called."""
    if runs == was_running:
        return "changed"
    return begins if runs else ends
