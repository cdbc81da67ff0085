"""Named questions about alerts, their rules and their channels; the actor comes first, plain rows come out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import dict_row

from signalbox.core.actor import Actor
from signalbox.core.db import Tx

Row = Mapping[str, Any]

_ALERT: Final = """
    SELECT a.id, a.app_id, a.organization_id, p.name AS tenant, a.context, a.rule, a.definition, a.severity, a.dimension, a.value, a.parent_id,
        a.started_at, a.cleared_at, a.window_minutes, a.n, a.k, a.rate, a.baseline, a.limit_value, a.certainty, a.p_value, a.samples, a.told_at,
        a.acknowledged_at, a.acknowledged_by, a.note
    FROM alerts.alerts a JOIN accounts.apps p ON p.id = a.app_id WHERE {scope}"""
_RULE: Final = """
    SELECT r.id, r.app_id, r.organization_id, r.built_in, r.enabled, r.definition, r.created_at, r.updated_at
    FROM alerts.rules r JOIN accounts.apps p ON p.id = r.app_id WHERE {scope}"""
_CHANNEL: Final = """
    SELECT c.id, c.app_id, c.organization_id, c.kind, c.name, c.shown, c.target, c.secret, c.enabled, c.created_at, c.updated_at
    FROM alerts.channels c JOIN accounts.apps p ON p.id = c.app_id WHERE {scope}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """Which alerts are looked for; None is no filter. Those that were open at some time from `begin` to before `end`."""

    app_id: UUID | None = None
    context: str | None = None
    rule: str | None = None
    severity: str | None = None
    is_open: bool | None = None
    begin: datetime | None = None
    end: datetime | None = None
    parents_only: bool = False

    def conditions(self) -> str:
        """Beginning with AND."""
        found = ""
        for name in ("app_id", "context", "rule", "severity"):
            if getattr(self, name) is not None:
                found += f" AND a.{name} = %({name})s"
        if self.is_open is not None:
            found += f" AND a.cleared_at IS {'' if self.is_open else 'NOT '}NULL"
        if self.begin is not None:
            found += " AND (a.cleared_at IS NULL OR a.cleared_at >= %(begin)s)"
        if self.end is not None:
            found += " AND a.started_at < %(end)s"
        return found + (" AND a.parent_id IS NULL" if self.parents_only else "")

    def values(self) -> dict[str, Any]:
        """Parameters of the conditions."""
        names = ("app_id", "context", "rule", "severity", "begin", "end")
        return {name: getattr(self, name) for name in names}


def _scope(actor: Actor) -> tuple[str, dict[str, Any]]:
    """The condition under which the actor sees what belongs to the app `p`, and its parameters."""
    found = "p.is_active"
    if actor.kind != "system":
        found += " AND p.organization_id = ANY(%(own_organizations)s)"
    if actor.app_id is not None:
        found += " AND p.id = %(own_app)s"
    return found, {"own_organizations": list(actor.organization_ids), "own_app": actor.app_id}


async def alerts(
    tx: Tx,
    actor: Actor,
    wanted: AlertFilter,
    *,
    limit: int,
    offset: int = 0,
    before: tuple[datetime, UUID] | None = None,
) -> list[Row]:
    """Alerts, the newest first; those that come after the one started at `before`."""
    scope, values = _scope(actor)
    statement = _ALERT.format(scope=scope) + wanted.conditions()
    if before is not None:
        statement += " AND (a.started_at, a.id) < (%(before_at)s, %(before_id)s)"
        values |= {"before_at": before[0], "before_id": before[1]}
    statement += " ORDER BY a.started_at DESC, a.id DESC LIMIT %(limit)s OFFSET %(offset)s"
    return await _rows(tx, statement, values | wanted.values() | {"limit": limit, "offset": offset})


async def alert_count(tx: Tx, actor: Actor, wanted: AlertFilter) -> int:
    """How many `alerts` there are without a limit."""
    scope, values = _scope(actor)
    statement = (
        f"SELECT count(*) AS n FROM ({_ALERT.format(scope=scope)}{wanted.conditions()}) AS found"  # noqa: S608  # constants of the module
    )
    return int((await _rows(tx, statement, values | wanted.values()))[0]["n"])


async def alert(tx: Tx, actor: Actor, alert_id: UUID) -> Row | None:
    """One alert of the actor's, else None."""
    scope, values = _scope(actor)
    rows = await _rows(
        tx, _ALERT.format(scope=scope) + " AND a.id = %(id)s", values | {"id": alert_id}
    )
    return rows[0] if rows else None


async def children(tx: Tx, actor: Actor, parents: Collection[UUID]) -> list[Row]:
    """Alerts that are parts of some, the oldest first."""
    scope, values = _scope(actor)
    statement = (
        _ALERT.format(scope=scope)
        + " AND a.parent_id = ANY(%(parents)s) ORDER BY a.started_at, a.id"
    )
    return await _rows(tx, statement, values | {"parents": list(parents)})


async def evaluations(tx: Tx, actor: Actor, alert_id: UUID, *, most: int) -> list[Row]:
    """The looks of an alert since it opened, by time; of many the first ones."""
    scope, values = _scope(actor)
    statement = f"""
        SELECT e.at, e.window_minutes, e.n, e.k, e.rate, e.p_value, e.is_bad, e.is_calm FROM alerts.evaluations e
        JOIN alerts.alerts a ON a.id = e.alert_id JOIN accounts.apps p ON p.id = a.app_id
        WHERE e.alert_id = %(id)s AND {scope} ORDER BY e.at LIMIT %(most)s"""  # noqa: S608  # constants of the module
    return await _rows(tx, statement, values | {"id": alert_id, "most": most})


async def deliveries(tx: Tx, actor: Actor, alert_id: UUID) -> list[Row]:
    """Who was told of an alert, when, and how it went; `state` is None when the message was forgotten since."""
    scope, values = _scope(actor)
    statement = f"""
        SELECT d.channel_id, d.kind, d.shown, d.event, d.created_at, m.state, m.tries, m.outcome, m.finished_at FROM alerts.deliveries d
        JOIN alerts.alerts a ON a.id = d.alert_id JOIN accounts.apps p ON p.id = a.app_id LEFT JOIN outgoing.messages m ON m.id = d.message_id
        WHERE d.alert_id = %(id)s AND {scope} ORDER BY d.created_at, d.id"""  # noqa: S608  # constants of the module
    return await _rows(tx, statement, values | {"id": alert_id})


async def rules(tx: Tx, actor: Actor, app_id: UUID) -> list[Row]:
    """Rules that were written for an app, what was changed of the built-in ones among them; the oldest first."""
    scope, values = _scope(actor)
    statement = _RULE.format(scope=scope) + " AND r.app_id = %(app)s ORDER BY r.created_at, r.id"
    return await _rows(tx, statement, values | {"app": app_id})


async def rule(tx: Tx, actor: Actor, rule_id: UUID) -> Row | None:
    """One rule of the actor's, else None."""
    scope, values = _scope(actor)
    rows = await _rows(
        tx, _RULE.format(scope=scope) + " AND r.id = %(id)s", values | {"id": rule_id}
    )
    return rows[0] if rows else None


async def channels(tx: Tx, actor: Actor, app_id: UUID) -> list[Row]:
    """Who is told of an app's alerts, the oldest first. Targets and secrets are encrypted."""
    scope, values = _scope(actor)
    statement = _CHANNEL.format(scope=scope) + " AND c.app_id = %(app)s ORDER BY c.created_at, c.id"
    return await _rows(tx, statement, values | {"app": app_id})


async def channel(tx: Tx, actor: Actor, channel_id: UUID) -> Row | None:
    """One channel of the actor's, else None."""
    scope, values = _scope(actor)
    rows = await _rows(
        tx, _CHANNEL.format(scope=scope) + " AND c.id = %(id)s", values | {"id": channel_id}
    )
    return rows[0] if rows else None


async def states(tx: Tx, actor: Actor, app_id: UUID) -> list[Row]:
    """What the rules of an app remember of its cohorts."""
    scope, values = _scope(actor)
    statement = f"""
        SELECT s.rule, s.dimension, s.value, s.streaks, s.calm, s.blank, s.rested, s.alert_id, s.reference FROM alerts.states s
        JOIN accounts.apps p ON p.id = s.app_id WHERE s.app_id = %(app)s AND {scope} ORDER BY 1, 2, 3"""  # noqa: S608  # constants of the module
    return await _rows(tx, statement, values | {"app": app_id})


async def remembered_apps(tx: Tx, actor: Actor) -> set[UUID]:
    """Apps of the actor of whose cohorts something is remembered."""
    scope, values = _scope(actor)
    statement = f"SELECT DISTINCT s.app_id FROM alerts.states s JOIN accounts.apps p ON p.id = s.app_id WHERE {scope}"  # noqa: S608  # constants of the module
    return {row["app_id"] for row in await _rows(tx, statement, values)}


async def unanswered(tx: Tx, actor: Actor, *, told_before: datetime) -> list[Row]:
    """Open alerts of nobody's attention, of which somebody was last told before an instant."""
    scope, values = _scope(actor)
    statement = (
        _ALERT.format(scope=scope)
        + " AND a.cleared_at IS NULL AND a.parent_id IS NULL AND a.acknowledged_at IS NULL AND a.told_at <= %(before)s ORDER BY a.told_at"
    )
    return await _rows(tx, statement, values | {"before": told_before})


async def active(tx: Tx, actor: Actor, *, since: datetime) -> Sequence[Row]:
    """App, rule and cohort of alerts that are open, or were since an instant, with whether they are."""
    scope, values = _scope(actor)
    statement = f"""
        SELECT p.name AS tenant, a.context, a.rule, a.dimension, a.value, bool_or(a.cleared_at IS NULL) AS is_open FROM alerts.alerts a
        JOIN accounts.apps p ON p.id = a.app_id WHERE {scope} AND (a.cleared_at IS NULL OR a.cleared_at >= %(since)s)
        GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 3, 4, 5"""  # noqa: S608  # constants of the module
    return await _rows(tx, statement, values | {"since": since})


async def _rows(tx: Tx, statement: str, values: Mapping[str, Any]) -> list[Row]:
    cursor = tx.psycopg.cursor(row_factory=dict_row)
    await cursor.execute(statement, values)
    return list(await cursor.fetchall())
