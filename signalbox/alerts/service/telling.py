"""Who is told of an alert, and what: messages are queued in the transaction of what they tell of, and sent by the worker.

One message for each change and receiver; a part of another alert is told inside of that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog

from signalbox.alerts import queries, store
from signalbox.alerts.clients import FIGURES
from signalbox.alerts.rules.definitions import Rule
from signalbox.alerts.rules.messages import (
    Event,
    alert_object,
    letter,
    subject,
    webhook_object,
)
from signalbox.alerts.settings import AlertSettings
from signalbox.core import outgoing
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database, Tx
from signalbox.core.outgoing import Letter
from signalbox.core.sealing import Sealer, Unsealable
from signalbox.core.streams import Telling
from signalbox.core.webhooks import SIGNATURE_HEADER

PLAYBACK_HEADER: Final = "X-Playback-Signature"
CHANNEL: Final = "alerts.channel"  # what targets and secrets of channels are sealed for
EVERYTHING: Final = "*"  # the topic of a whole organization

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Something that happened to an alert, for those who watch live."""

    organization_id: UUID
    app_id: UUID
    event: Event
    alert: Mapping[str, Any]

    def telling(self) -> Telling:
        """The message to the watchers of the organization and of the app."""
        body = msgspec.json.encode(
            {"change": self.event, "app": str(self.app_id), "data": self.alert}
        )
        topics = (EVERYTHING, self.app_id.hex)
        return Telling(self.organization_id.hex, topics, "alert", body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where a message goes; `channel_id` is None of those of the whole installation."""

    kind: outgoing.Kind
    shown: str
    target: str
    secret: str | None
    channel_id: UUID | None = None


class Voice:
    """Queues messages. `origin` is where people find the dashboard; None: messages have no link."""

    def __init__(self, sealer: Sealer, settings: AlertSettings, *, origin: str | None) -> None:
        self._sealer, self._settings, self._origin = sealer, settings, origin

    async def tell(self, tx: Tx, alert_id: UUID, event: Event, *, at: datetime) -> list[Told]:
        """Queue the messages of a change: none of parts, none of an opening that was told, none of a closing of what was never told."""
        row = await queries.alert(tx, SYSTEM, alert_id)
        if row is None:
            return []
        told = Told(
            organization_id=row["organization_id"],
            app_id=row["app_id"],
            event=event,
            alert=alert_object(row),
        )
        if row["parent_id"] is not None and event != "cleared":
            return [told] if row["started_at"] == at else []
        if event == "opened" and row["told_at"] is not None:
            return []
        if event == "cleared" and row["told_at"] is None:
            return [told]
        await self._queue(tx, row, event, at)
        if event != "cleared":
            await store.told(tx.psycopg, alert_id, at=at)
        return [told]

    async def receivers(self, tx: Tx, app_id: UUID) -> list[Receiver]:
        """All of an app's alerts: those of the installation, then its own channels that are switched on and can be read."""
        found = [
            Receiver(kind="webhook", shown=host_of(url), target=url, secret=self.signing_secret())
            for url in self._settings.webhooks
        ]
        for row in await queries.channels(tx, SYSTEM, app_id):
            if not row["enabled"]:
                continue
            try:
                found.append(self.receiver(row))
            except Unsealable:
                log.error("alerts.channel_unreadable", channel_id=str(row["id"]))
        return found

    def receiver(self, row: Mapping[str, Any]) -> Receiver:
        """A stored channel. Raises Unsealable."""
        secret = row["secret"]
        return Receiver(
            kind=row["kind"],
            shown=row["shown"],
            target=self._sealer.open(bytes(row["target"]), CHANNEL),
            secret=None if secret is None else self._sealer.open(bytes(secret), CHANNEL),
            channel_id=row["id"],
        )

    def signing_secret(self) -> str:
        """What posts to the installation's addresses are signed with. Raises Unsealable without any secret."""
        return self._settings.webhook_secret or self._sealer.derived("alert webhooks")

    async def send(
        self,
        tx: Tx,
        receiver: Receiver,
        row: Mapping[str, Any],
        event: Event,
        *,
        children: Sequence[Mapping[str, Any]] = (),
        at: datetime,
    ) -> UUID:
        """Queue one message; its id."""
        rule = msgspec.convert(row["definition"], Rule)
        about: dict[str, Any] = {
            "rule": rule,
            "children": children,
            "link": self._link(row),
            "at": at,
        }
        if receiver.kind == "webhook":
            playback = (PLAYBACK_HEADER,) if row["context"] == "playback" else ()
            made = Letter(
                kind="webhook",
                target=receiver.target,
                secret=receiver.secret,
                signatures=(SIGNATURE_HEADER, *playback),
                body=msgspec.json.encode(webhook_object(row, event, **about)),
                organization_id=row["organization_id"],
            )
        else:
            text = letter(row, event, figure=FIGURES.get(rule.figure), **about)
            made = Letter(
                kind="email",
                target=receiver.target,
                subject=subject(row, event, rule),
                body=text.encode(),
                organization_id=row["organization_id"],
            )
        return await outgoing.queue(tx.psycopg, self._sealer, made, at=at)

    async def _queue(self, tx: Tx, row: Mapping[str, Any], event: Event, at: datetime) -> None:
        receivers = await self.receivers(tx, row["app_id"])
        children = await queries.children(tx, SYSTEM, [row["id"]]) if receivers else []
        for receiver in receivers:
            message = await self.send(tx, receiver, row, event, children=children, at=at)
            await store.record_delivery(
                tx.psycopg,
                row["id"],
                channel_id=receiver.channel_id,
                kind=receiver.kind,
                shown=receiver.shown,
                event=event,
                message_id=message,
                at=at,
            )

    def _link(self, row: Mapping[str, Any]) -> str | None:
        if self._origin is None:
            return None
        return f"{self._origin}/apps/{row['app_id']}/alerts/{row['id']}"


async def remind(db: Database, voice: Voice, settings: AlertSettings, *, at: datetime) -> int:
    """Tell again of what has been open for long; how many alerts. Whoever has acknowledged one is left in peace."""
    if settings.remind_hours == 0:
        return 0
    async with db.begin() as tx:
        # Of several workers one at a time: the others find nothing left.
        await tx.psycopg.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('alerts.remind', 0))"
        )
        before = at - timedelta(hours=settings.remind_hours)
        rows = await queries.unanswered(tx, SYSTEM, told_before=before)
        for row in rows:
            await voice.tell(tx, row["id"], "reminder", at=at)
    return len(rows)


def host_of(url: str) -> str:
    """What may be shown of an address: the rest is often a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
