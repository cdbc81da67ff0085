"""The labelled calls: what is wrong with each is known, so that it can be counted how often rules find it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from signalbox.monitoring.service import diagnose_changed
from signalbox.site.settings import load_settings
from tests.monitoring.altered import ALTERED, LABELLED
from tests.monitoring.conftest import House
from tests.monitoring.replay import Request, recorded, replay, trace

SETTINGS = load_settings({}).monitoring


# Recordings of the unmodified SDK, which were made for other tests.
SDK: dict[str, tuple[str, str | None]] = {
    "batch": ("none", None), "endcall": ("none", None), "gum-denied": ("permission", "alice"), "ice-fail": ("relay", None),
    "janus": ("none", None), "killed": ("browser", "alice"), "p2p": ("none", None), "relay": ("none", None),
    "two-participants": ("none", None),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Label:
    """What is wrong with a call, and whose fault it is; None when it is nobody's alone.

    `source`: `chromium` and `sdk` are recorded calls of real browsers, `altered` is made from one. `held_out`: recorded when the rules were done.
    """

    name: str
    cause: str
    whose: str | None
    source: str
    held_out: bool = False

    def requests(self) -> list[Request]:
        """The call."""
        if self.source == "sdk":
            return trace(self.name.removeprefix("sdk-"))
        if self.source == "altered":
            return ALTERED[self.name][2]()
        return recorded(LABELLED / f"{self.name}.jsonl.zst")


def labels() -> list[Label]:
    """All labelled calls."""
    known = json.loads((LABELLED / "labels.json").read_text())
    found = [
        Label(name, one["cause"], one["whose"], one["source"], one.get("held_out", False))
        for name, one in known.items()
    ]
    found += [Label(f"sdk-{name}", cause, whose, "sdk") for name, (cause, whose) in SDK.items()]
    return found + [Label(name, one[0], one[1], "altered") for name, one in ALTERED.items()]


def label(name: str) -> Label:
    """One of them."""
    return next(one for one in labels() if one.name == name)


async def look(house: House, *, after_s: float = 0) -> None:
    """Let the worker's step run, some time later, until nothing waits: calls of other tests may come first."""
    house.clock.set(house.clock.now() + timedelta(seconds=after_s))
    for _ in range(60):
        if not await diagnose_changed(house.db, settings=SETTINGS, at=house.clock.now()):
            break


_FINDINGS = """
    SELECT i.id, i.code, p.participant_id AS who, q.participant_id AS peer, i.created_at, i.ended_at, i.count, i.data, i.events
    FROM monitoring.issues i LEFT JOIN monitoring.participants p ON p.id = i.participant_id
    LEFT JOIN monitoring.connections c ON c.id = i.connection_id LEFT JOIN monitoring.participants q ON q.id = c.peer_id
    WHERE i.app_id = %s AND i.is_active AND i.source = ANY(%s) ORDER BY i.created_at, i.code"""


async def findings(house: House, app: UUID, *sources: str) -> list[dict[str, Any]]:
    """The issues of an app, by default those of rules."""
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(_FINDINGS, (app, list(sources) or ["rule"]))
        columns = [column.name for column in cursor.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in await cursor.fetchall()]


async def play(house: House, one: Label) -> UUID:
    """Play a labelled call into an app of its own, and let it be looked at a minute after its end; answers the app."""
    app = await house.app()
    await replay(house.client, house.clock, app["api_key"], one.requests())
    await look(house, after_s=60)
    key: UUID = app["id"]
    return key
