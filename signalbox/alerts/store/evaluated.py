"""What a look at an app leaves behind: states, alerts, evaluations, and who was told."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from signalbox.alerts.rules.figures import Cohort
from signalbox.alerts.rules.judging import Reference, Verdict
from signalbox.alerts.rules.lives import Life
from signalbox.core.ids import new_id

# Held until the transaction ends: of several workers one looks at an app, the others leave it alone.
_CLAIM: Final = """
    SELECT pg_try_advisory_xact_lock(hashtextextended('alerts.' || %(app)s::text, 0)),
        (SELECT evaluated_at FROM alerts.progress WHERE app_id = %(app)s)"""
_ADVANCE: Final = """
    INSERT INTO alerts.progress (app_id, evaluated_at) VALUES (%s, %s)
    ON CONFLICT (app_id) DO UPDATE SET evaluated_at = greatest(alerts.progress.evaluated_at, excluded.evaluated_at)"""
_SAVE: Final = """
    INSERT INTO alerts.states (app_id, rule, dimension, value, streaks, calm, blank, rested, alert_id, reference)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (app_id, rule, dimension, value) DO UPDATE SET streaks = excluded.streaks, calm = excluded.calm, blank = excluded.blank,
        rested = excluded.rested, alert_id = excluded.alert_id, reference = excluded.reference"""
_DELETE: Final = (
    "DELETE FROM alerts.states WHERE app_id = %s AND rule = %s AND dimension = %s AND value = %s"
)
_ALERT: Final = """
    INSERT INTO alerts.alerts (id, app_id, organization_id, context, rule, definition, severity, dimension, value, started_at,
        window_minutes, n, k, rate, baseline, limit_value, certainty, p_value, samples)
    VALUES (%(id)s, %(app_id)s, %(organization_id)s, %(context)s, %(rule)s, %(definition)s, %(severity)s, %(dimension)s, %(value)s, %(at)s,
        %(window)s, %(n)s, %(k)s, %(rate)s, %(baseline)s, %(limit)s, %(certainty)s, %(p_value)s, %(samples)s)"""
_EVALUATION: Final = """
    INSERT INTO alerts.evaluations (alert_id, at, window_minutes, n, k, rate, p_value, is_bad, is_calm)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """What a rule remembers of a cohort. `reference` is what the open alert is held against."""

    rule: str
    cohort: Cohort
    life: Life
    alert_id: UUID | None = None
    reference: Reference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAlert:
    """An alert that opens."""

    app_id: UUID
    organization_id: UUID
    context: str
    rule: str
    definition: bytes
    severity: str
    cohort: Cohort
    verdict: Verdict
    reference: Reference
    samples: Collection[str]


async def claim(connection: AsyncConnection[Any], app_id: UUID) -> tuple[bool, datetime | None]:
    """Whether this transaction may look at the app, and up to when it was looked at; None: never."""
    row = await (await connection.execute(_CLAIM, {"app": app_id})).fetchone()
    assert row is not None
    return bool(row[0]), row[1]


async def advance(connection: AsyncConnection[Any], app_id: UUID, at: datetime) -> None:
    """The app was looked at up to `at`."""
    await connection.execute(_ADVANCE, (app_id, at))


async def save_state(connection: AsyncConnection[Any], app_id: UUID, state: StateRow) -> None:
    """Remember, in the place of what was remembered."""
    life, reference = state.life, state.reference
    values = (
        app_id, state.rule, state.cohort.dimension, state.cohort.value, Jsonb({str(window): n for window, n in life.streaks.items()}),
        life.calm, life.blank, life.rested, state.alert_id, None if reference is None else Jsonb(asdict(reference)),
    )  # fmt: skip
    await connection.execute(_SAVE, values)


async def delete_state(
    connection: AsyncConnection[Any], app_id: UUID, rule: str, cohort: Cohort
) -> None:
    """There is nothing to remember."""
    await connection.execute(_DELETE, (app_id, rule, *cohort))


async def insert_alert(connection: AsyncConnection[Any], alert: NewAlert, *, at: datetime) -> UUID:
    """Open an alert; its id."""
    key, verdict, reference = new_id(), alert.verdict, alert.reference
    values = {
        "id": key,
        "app_id": alert.app_id,
        "organization_id": alert.organization_id,
        "context": alert.context,
        "rule": alert.rule,
        "definition": alert.definition.decode(),
        "severity": alert.severity,
        "dimension": alert.cohort.dimension,
        "value": alert.cohort.value,
        "at": at,
        "window": verdict.window,
        "n": verdict.seen.n,
        "k": verdict.seen.k,
        "rate": verdict.seen.figure,
        "baseline": reference.baseline,
        "limit": reference.limit,
        "certainty": reference.certainty,
        "p_value": verdict.p_value,
        "samples": list(alert.samples),
    }
    await connection.execute(_ALERT, values)
    return key


async def insert_evaluation(
    connection: AsyncConnection[Any], alert_id: UUID, verdict: Verdict, *, at: datetime
) -> None:
    """A look of an open alert."""
    seen, look = verdict.seen, verdict.look
    values = (
        alert_id, at, verdict.window, seen.n, seen.k, seen.figure, verdict.p_value, bool(look.bad), look.calm,
    )  # fmt: skip
    await connection.execute(_EVALUATION, values)


async def clear_alert(connection: AsyncConnection[Any], alert_id: UUID, *, at: datetime) -> bool:
    """Close an alert; False when it was closed."""
    statement = "UPDATE alerts.alerts SET cleared_at = %s WHERE id = %s AND cleared_at IS NULL"
    return (await connection.execute(statement, (at, alert_id))).rowcount == 1


async def nest(
    connection: AsyncConnection[Any], children: Collection[UUID], parent: UUID | None
) -> None:
    """Make open alerts part of another one, or of none."""
    await connection.execute(
        "UPDATE alerts.alerts SET parent_id = %s WHERE id = ANY(%s) AND cleared_at IS NULL",
        (parent, list(children)),
    )


async def detach(connection: AsyncConnection[Any], parent: UUID) -> list[UUID]:
    """Make what is still open in a closed alert stand by itself; the ids."""
    statement = "UPDATE alerts.alerts SET parent_id = NULL WHERE parent_id = %s AND cleared_at IS NULL RETURNING id"
    rows = await (await connection.execute(statement, (parent,))).fetchall()
    return [row[0] for row in rows]


async def told(connection: AsyncConnection[Any], alert_id: UUID, *, at: datetime) -> None:
    """Somebody is told now that it is open."""
    await connection.execute("UPDATE alerts.alerts SET told_at = %s WHERE id = %s", (at, alert_id))


async def record_delivery(
    connection: AsyncConnection[Any],
    alert_id: UUID,
    *,
    channel_id: UUID | None,
    kind: str,
    shown: str,
    event: str,
    message_id: UUID,
    at: datetime,
) -> None:
    """A message was queued for an alert."""
    await connection.execute(
        "INSERT INTO alerts.deliveries (id, alert_id, channel_id, kind, shown, event, message_id, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (new_id(), alert_id, channel_id, kind, shown, event, message_id, at),
    )
