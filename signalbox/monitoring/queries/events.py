"""Events of conferences and participants: stored ones and those expanded from stored reports.

Everything is ordered by (created_at, id of the stored row, part), so pages and the complete list agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Executable,
    Select,
    false,
    func,
    literal,
    literal_column,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy import RowMapping as Row

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.core.ids import derived_id
from signalbox.monitoring.queries.expand import event_item, sample_items
from signalbox.monitoring.queries.scope import Span, own_apps
from signalbox.monitoring.tables import Connection, Event, Sample, Session

Position = tuple[datetime, UUID]
STATS = "stats"
TRIED = 5_000  # reports whose ids are read at once


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events. At least one of conference and participant must be given: the tables are found through them.

    `kind` is a type such as `stats`, or `-stats` for all but it; `category` is the letter of one. With `ids` only these events, and the
    whole of `reports`, which `with_reports` finds.
    """

    conference_id: UUID | None = None
    participant_id: UUID | None = None
    connection_id: UUID | None = None
    kind: str | None = None
    category: str | None = None
    ids: Collection[UUID] | None = None
    reports: Collection[UUID] = ()
    span: Span = Span()  # noqa: RUF009 - immutable

    def events(self, actor: Actor) -> list[ColumnElement[bool]]:
        """Conditions on stored events."""
        found = [Event.app_id.in_(own_apps(actor)), *self.span.conditions(Event.created_at)]
        if self.conference_id is not None:
            found.append(Event.conference_id == self.conference_id)
        if self.participant_id is not None:
            found.append(Event.participant_id == self.participant_id)
            if self.conference_id is None:  # the index leads by session
                own = select(Session.id).where(Session.participant_id == self.participant_id)
                found.append(Event.session_id.in_(own))
        if self.connection_id is not None:
            found.append(Event.connection_id == self.connection_id)
        if self.category is not None:
            found.append(Event.category == self.category)
        if self.ids is not None:
            found.append(Event.id.in_(self.ids))
        return found + self._kinds()

    def _kinds(self) -> list[ColumnElement[bool]]:
        if self.kind is None:
            return []
        if self.kind.startswith("-"):
            return [Event.type != self.kind[1:]]
        return [Event.type == self.kind]

    def samples(self, actor: Actor) -> list[ColumnElement[bool]] | None:
        """Conditions on stored reports; None when no report can match."""
        if self.kind not in (None, STATS) and not (
            self.kind.startswith("-") and self.kind[1:] != STATS
        ):
            return None
        if self.category not in (None, "S"):
            return None
        found = [Sample.app_id.in_(own_apps(actor)), *self.span.conditions(Sample.created_at)]
        if self.conference_id is not None:
            found.append(Sample.conference_id == self.conference_id)
        if self.participant_id is not None:
            found.append(Sample.participant_id == self.participant_id)
            if self.conference_id is None:  # the index leads by connection
                own = select(Connection.id).where(Connection.participant_id == self.participant_id)
                found.append(Sample.connection_id.in_(own))
        if self.connection_id is not None:
            found.append(Sample.connection_id == self.connection_id)
        if self.ids is not None:
            found.append(Sample.id.in_(self.reports))
        return found


_EVENT_ROW = (
    Event.id,
    Event.app_id,
    Event.conference_id,
    Event.participant_id,
    Event.session_id,
    Event.peer_id,
    Event.connection_id,
    Event.track_id,
    Event.type,
    Event.category,
    Event.created_at,
    Event.data,
)
_SAMPLE_ROW = (
    Sample.id,
    Sample.app_id,
    Sample.conference_id,
    Sample.participant_id,
    Sample.session_id,
    Sample.peer_id,
    Sample.connection_id,
    Sample.created_at,
    Sample.rtt_ms,
    Sample.available_bps,
    Sample.flows,
    Sample.tracks,
    Sample.byte_counts.label("bytes"),
    Sample.packets,
    Sample.lost,
    Sample.jitter_ms,
    Sample.emos,
    Sample.report,
)


async def with_reports(tx: Tx, actor: Actor, wanted: EventFilter) -> EventFilter:
    """The same filter with the reports that some of its ids are events of.

    Such an id is derived from its report's, which cannot be turned back: those of the reports that meet all else are tried until none is
    missing. A span makes that quick.
    """
    if not wanted.ids:
        return wanted
    stored = await tx.rows(select(Event.id).where(*wanted.events(actor)))
    missing = set(wanted.ids) - {row["id"] for row in stored}
    conditions = replace(wanted, ids=None).samples(actor)
    found: list[UUID] = []
    after: Position | None = None
    while missing and conditions is not None:
        rows = await tx.rows(_tried(conditions, after))
        for row in rows:
            parts = {derived_id(row["id"], part) for part in range(1 + row["parts"])}
            if missing & parts:
                found.append(row["id"])
                missing -= parts
        if len(rows) < TRIED:
            break
        after = rows[-1]["created_at"], rows[-1]["id"]
    return replace(wanted, reports=found)


def _tried(conditions: list[ColumnElement[bool]], after: Position | None) -> Executable:
    parts = func.coalesce(func.cardinality(Sample.tracks), 0).label("parts")
    found = select(Sample.created_at, Sample.id, parts).where(*conditions)
    if after is not None:
        found = found.where(tuple_(Sample.created_at, Sample.id) > after)
    return found.order_by(Sample.created_at, Sample.id).limit(TRIED)


async def count(tx: Tx, actor: Actor, wanted: EventFilter) -> int:
    """How many events there are, reports expanded."""
    stored = select(func.count()).select_from(Event).where(*wanted.events(actor))
    total: ColumnElement[Any] = stored.scalar_subquery()
    conditions = wanted.samples(actor)
    if conditions is not None:
        parts = 1 + func.cardinality(func.array_remove(Sample.tracks, None))
        expanded = select(func.coalesce(func.sum(parts), 0)).where(*conditions)
        total = total + expanded.scalar_subquery()
    return int((await tx.execute(select(total))).scalar_one())


async def window(
    tx: Tx, actor: Actor, wanted: EventFilter, *, limit: int, offset: int, newest: bool
) -> list[dict[str, Any]]:
    """The events of one page. Which they are is found on narrow rows; only theirs are then unpacked."""
    listed = union_all(*_parts(actor, wanted)).subquery()
    order = [listed.c.created_at, listed.c.id, listed.c.part]
    keys = await tx.rows(
        select(listed)
        .order_by(*(key.desc() for key in order) if newest else order)
        .limit(limit)
        .offset(offset)
    )
    found = await _load(tx, wanted, keys)
    return [found[key["id"], key["part"]] for key in keys]


def _parts(actor: Actor, wanted: EventFilter) -> Iterator[Any]:
    zero: ColumnElement[int] = literal_column("0::bigint")
    yield select(Event.created_at, Event.id, zero.label("part"), false().label("is_sample")).where(
        *wanted.events(actor)
    )
    conditions = wanted.samples(actor)
    if conditions is None:
        return
    is_sample = true().label("is_sample")
    yield select(Sample.created_at, Sample.id, zero.label("part"), is_sample).where(*conditions)
    parts = func.unnest(Sample.tracks).table_valued("track", with_ordinality="n", name="each")
    each = parts.render_derived()
    yield (
        select(Sample.created_at, Sample.id, each.c.n.label("part"), is_sample)
        .select_from(Sample)
        .join(each, true())
        .where(*conditions, each.c.track.is_not(None))
    )


async def _load(
    tx: Tx, wanted: EventFilter, keys: Sequence[Row]
) -> dict[tuple[UUID, int], dict[str, Any]]:
    found: dict[tuple[UUID, int], dict[str, Any]] = {}
    stored = [key for key in keys if not key["is_sample"]]
    if stored:
        for row in await tx.rows(select(*_EVENT_ROW).where(*_among(Event, wanted, stored))):
            found[row["id"], 0] = event_item(row)
    reports = [key for key in keys if key["is_sample"]]
    if reports:
        for row in await tx.rows(select(*_SAMPLE_ROW).where(*_among(Sample, wanted, reports))):
            found.update({(row["id"], part): item for part, item in sample_items(row)})
    return found


def _among(entity: Any, wanted: EventFilter, keys: Sequence[Row]) -> list[ColumnElement[bool]]:
    """The rows with these keys, reached by the indexes that found them."""
    times = [key["created_at"] for key in keys]
    found = [
        entity.id.in_(list({key["id"] for key in keys})),
        entity.created_at.between(min(times), max(times)),
    ]
    if wanted.conference_id is not None:
        return [*found, entity.conference_id == wanted.conference_id]
    if entity is Event:
        own = select(Session.id).where(Session.participant_id == wanted.participant_id)
        return [*found, Event.session_id.in_(own)]
    own = select(Connection.id).where(Connection.participant_id == wanted.participant_id)
    return [*found, Sample.connection_id.in_(own)]


async def following(
    tx: Tx,
    actor: Actor,
    wanted: EventFilter,
    *,
    after: Position | None,
    size: int,
    newest: bool,
) -> tuple[list[dict[str, Any]], Position | None]:
    """The events of the next `size` stored rows behind `after`, and where to go on; None at the end."""
    keys = await tx.rows(_keys(actor, wanted, after=after, newest=newest).limit(size))
    found = await _load(tx, wanted, keys)
    by_row: dict[UUID, list[dict[str, Any]]] = {}
    for (row_id, _part), item in sorted(found.items(), key=lambda entry: entry[0][1]):
        by_row.setdefault(row_id, []).append(item)
    items: list[dict[str, Any]] = []
    for key in keys:
        items.extend(reversed(by_row[key["id"]]) if newest else by_row[key["id"]])
    last = (keys[-1]["created_at"], keys[-1]["id"]) if len(keys) == size else None
    return items, last


def _keys(
    actor: Actor, wanted: EventFilter, *, after: Position | None, newest: bool
) -> Select[Any]:
    def narrow(entity: Any, conditions: list[ColumnElement[bool]]) -> Select[Any]:
        is_sample = literal(entity is Sample).label("is_sample")
        found = select(entity.created_at, entity.id, is_sample).where(*conditions)
        if after is None:
            return found
        position = tuple_(entity.created_at, entity.id)
        return found.where(position < after if newest else position > after)

    sources = [narrow(Event, wanted.events(actor))]
    conditions = wanted.samples(actor)
    if conditions is not None:
        sources.append(narrow(Sample, conditions))
    listed = union_all(*sources).subquery()
    order = (listed.c.created_at, listed.c.id)
    return select(listed).order_by(*(key.desc() for key in order) if newest else order)
