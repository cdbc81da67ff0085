"""What an actor may see, and windows on lists.

A row is visible when it is active and belongs to an active app of the actor's organizations; a key of one app sees only that app.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Uuid,
    and_,
    column,
    exists,
    func,
    select,
    table,
    tuple_,
)
from sqlalchemy import RowMapping as Row

from signalbox.core.actor import Actor
from signalbox.core.db import Tx
from signalbox.core.errors import AppError
from signalbox.monitoring import errors
from signalbox.monitoring.queries import refusals
from signalbox.monitoring.tables import Conference, Connection, Owned, Participant, Session

# Of another context only what is needed to see whose a row is; its tables module is not ours to import.
_apps = table(
    "apps",
    column("id", Uuid),
    column("organization_id", Uuid),
    column("is_active"),
    schema="accounts",
)


def own_apps(actor: Actor) -> Select[Any]:
    """Ids of the active apps that the actor may see. The system sees all."""
    found = select(_apps.c.id).where(_apps.c.is_active)
    if actor.kind != "system":
        found = found.where(_apps.c.organization_id.in_(sorted(actor.organization_ids)))
    if actor.app_id is not None:
        found = found.where(_apps.c.id == actor.app_id)
    return found


def visible(actor: Actor, entity: type[Owned]) -> ColumnElement[bool]:
    """The condition under which the actor sees rows of `entity`."""
    return and_(entity.is_active, entity.app_id.in_(own_apps(actor)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Bounds on `created_at`, aware; None is open."""

    gt: datetime | None = None
    gte: datetime | None = None
    lt: datetime | None = None
    lte: datetime | None = None

    def __bool__(self) -> bool:
        return any(bound is not None for bound in (self.gt, self.gte, self.lt, self.lte))

    def conditions(self, at: Any) -> list[ColumnElement[bool]]:
        """The bounds as conditions on the column `at`."""
        pairs = (
            (self.gt, at.__gt__),
            (self.gte, at.__ge__),
            (self.lt, at.__lt__),
            (self.lte, at.__le__),
        )
        return [compare(bound) for bound, compare in pairs if bound is not None]


@dataclass(frozen=True, slots=True)
class Question:
    """A list to be asked for: columns of `entity` under conditions; `order` goes before the order by creation."""

    entity: type[Owned]
    columns: Sequence[Any]
    conditions: list[ColumnElement[bool]] = field(default_factory=list)
    order: Sequence[Any] = ()

    def where(self, *conditions: ColumnElement[bool]) -> Question:
        """The same list under further conditions."""
        return replace(self, conditions=[*self.conditions, *conditions])

    def ordered(self, *, newest: bool) -> Select[Any]:
        """The rows by creation; the id decides between equals."""
        at, key = self.entity.created_at, self.entity.id
        order = (at.desc(), key.desc()) if newest else (at, key)
        return select(*self.columns).where(*self.conditions).order_by(*self.order, *order)


MANY = 5_000  # rows up to which counting them costs a millisecond
Tally = Callable[[Tx], Awaitable[int]]


async def window(
    tx: Tx,
    question: Question,
    *,
    limit: int,
    offset: int,
    newest: bool,
    tally: Tally | None = None,
) -> tuple[Sequence[Row], int]:
    """The rows of one page, and how many there are in all. `tally` knows that, too, and is quicker when there are very many."""
    rows = await tx.rows(question.ordered(newest=newest).limit(limit).offset(offset))
    if tally is None:
        return rows, await _count(tx, question, None)
    found = await _count(tx, question, MANY + 1)
    return rows, found if found <= MANY else await tally(tx)


async def _count(tx: Tx, question: Question, most: int | None) -> int:
    counted = select(func.count()).select_from(question.entity).where(*question.conditions)
    if most is not None:
        some = select(question.entity.id).where(*question.conditions).limit(most)
        counted = select(func.count()).select_from(some.subquery())
    found: int = (await tx.execute(counted)).scalar_one()
    return found


async def following(
    tx: Tx, question: Question, *, after: tuple[datetime, UUID] | None, size: int, newest: bool
) -> Sequence[Row]:
    """The next `size` rows behind the one created at `after`; the first ones when None; fewer at the end. By creation only.

    Every call is a short transaction of its own, so that a slow reader of a long list holds none.
    """
    if after is not None:
        position = tuple_(question.entity.created_at, question.entity.id)
        behind = position < after if newest else position > after
        question = question.where(behind)
    return await tx.rows(question.ordered(newest=newest).limit(size))


async def first(tx: Tx, question: Question, key: UUID) -> Row | None:
    """The row with the id, or None when the actor has none such."""
    return await tx.row(question.where(question.entity.id == key).ordered(newest=False))


_KINDS: dict[str, tuple[type[Owned] | None, type[AppError]]] = {
    "app_id": (None, refusals.AppUnknown),
    "conference_id": (Conference, errors.ConferenceNotFound),
    "participant_id": (Participant, errors.ParticipantNotFound),
    "session_id": (Session, refusals.SessionUnknown),
    "connection_id": (Connection, errors.ConnectionNotFound),
}


def _known(actor: Actor, kind: str, key: UUID) -> ColumnElement[bool]:
    entity = _KINDS[kind][0]
    if entity is None:
        return exists(own_apps(actor).where(_apps.c.id == key))
    return exists(select(entity.id).where(entity.id == key, visible(actor, entity)))


async def require_known(tx: Tx, actor: Actor, **ids: UUID | None) -> None:
    """Refuse a filter by something that the actor does not have; one statement for all of them.

    `ids` by kind: app_id, conference_id, participant_id, session_id, connection_id; None is no filter.

    Raises:
        AppUnknown, ConferenceNotFound, ParticipantNotFound, SessionUnknown, ConnectionNotFound.
    """
    given = {kind: key for kind, key in ids.items() if key is not None}
    if not given:
        return
    row = await tx.row(
        select(*(_known(actor, kind, key).label(kind) for kind, key in given.items()))
    )
    for kind in given:
        if row is None or not row[kind]:
            raise _KINDS[kind][1](field=f"{kind.removesuffix('_id')}Id")
