"""The labelled calls: what is wrong with each is known, so that it can be counted how often rules find it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from signalbox.monitoring.service import diagnose_changed
from signalbox.site.settings import load_settings
from tests.monitoring.conftest import House
from tests.monitoring.replay import DATA, Request, recorded, replay

LABELLED = DATA / "labelled"
SETTINGS = load_settings({}).monitoring


@dataclass(frozen=True, slots=True)
class Label:
    """What is wrong with a call, and whose fault it is; None when it is nobody's alone. `source`: chromium, or generated."""

    name: str
    cause: str
    whose: str | None
    source: str

    def requests(self) -> list[Request]:
        """The recording."""
        return recorded(LABELLED / f"{self.name}.jsonl.zst")


def labels() -> list[Label]:
    """All labelled calls, by name."""
    known = json.loads((LABELLED / "labels.json").read_text())
    return [Label(name, one["cause"], one["whose"], one["source"]) for name, one in known.items()]


def label(name: str) -> Label:
    """One of them."""
    return next(one for one in labels() if one.name == name)


async def look(house: House, *, after_s: float = 0) -> int:
    """Let the worker's step run, some time later."""
    house.clock.set(house.clock.now() + timedelta(seconds=after_s))
    return await diagnose_changed(house.db, settings=SETTINGS, at=house.clock.now())


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
