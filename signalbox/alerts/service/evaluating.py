"""The look at every app, once a minute: each rule at each of its cohorts, what follows from it, and who is told.

Of several workers one looks at an app (a lock of the transaction), and an app is never looked at twice for the same minute: what a look
finds, the states it leaves and the messages it queues are committed together. Minutes that were missed are made up for, up to `CATCH_UP`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog

from signalbox.accounts import queries as accounts_queries
from signalbox.alerts import queries, store
from signalbox.alerts.clients import FIGURES, SOURCES
from signalbox.alerts.rules.definitions import encoded
from signalbox.alerts.rules.figures import Cohort
from signalbox.alerts.rules.judging import Evidence, Reference, Verdict, judge
from signalbox.alerts.rules.lives import Life, after
from signalbox.alerts.rules.messages import SAMPLES, Event
from signalbox.alerts.service.effective import Effective, effective_rules
from signalbox.alerts.service.evidence import Gatherer, Pasts
from signalbox.alerts.service.telling import Told, Voice
from signalbox.alerts.store import NewAlert, StateRow
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database, Tx

CATCH_UP: Final = timedelta(minutes=30)
ACTIVE_WITHIN: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What looking needs: who speaks, and what is remembered of large pasts."""

    voice: Voice
    pasts: Pasts = field(default_factory=Pasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """An alert that opened or closed."""

    alert_id: UUID
    event: Event


async def evaluate_due(db: Database, watch: Watch, *, at: datetime) -> list[Told]:
    """Look at every app that has something to look at, up to the last full minute; what happened, in order.

    An app whose look fails is left for the next minute; the others are looked at all the same.
    """
    minute = at.replace(second=0, microsecond=0)
    async with db.read() as tx:
        apps = {row["id"]: row for row in await accounts_queries.apps(tx, SYSTEM)}
        wanted = await queries.remembered_apps(tx, SYSTEM)
        for source in SOURCES:
            begin = minute - ACTIVE_WITHIN
            wanted |= await source.active_apps(tx, SYSTEM, apps, begin=begin, end=minute)
    told: list[Told] = []
    for app_id in sorted(wanted & apps.keys()):
        try:
            told += await evaluate_app(db, apps[app_id], watch, minute=minute)
        except Exception:
            log.exception("alerts.app_not_evaluated", app_id=str(app_id))
    return told


async def evaluate_app(
    db: Database, app: Mapping[Any, Any], watch: Watch, *, minute: datetime
) -> list[Told]:
    """Look at one app for every minute up to `minute` that nobody has looked at it for."""
    told: list[Told] = []
    while True:
        async with db.begin() as tx:
            claimed, done = await store.claim(tx.psycopg, app["id"])
            if not claimed or (done is not None and done >= minute):
                return told
            at = minute if done is None else max(done + MINUTE, minute - CATCH_UP)
            told += await _look(tx, app, watch, at)
            await store.advance(tx.psycopg, app["id"], at)


async def _look(tx: Tx, app: Mapping[Any, Any], watch: Watch, at: datetime) -> list[Told]:
    rules = [one for one in await effective_rules(tx, SYSTEM, app["id"]) if one.enabled]
    states = [_state(row) for row in await queries.states(tx, SYSTEM, app["id"])]
    gatherer = Gatherer(tx, SYSTEM, app["id"], at, watch.pasts)
    changes = await _close_orphans(tx, app["id"], states, {one.name for one in rules}, at)
    for one in rules:
        if one.rule.figure in FIGURES:
            own = {state.cohort: state for state in states if state.rule == one.name}
            changes += await _Look(tx, app, one, gatherer, at).run(own)
    told: list[Told] = []
    for change in changes:
        told += await watch.voice.tell(tx, change.alert_id, change.event, at=at)
    return told


async def _close_orphans(
    tx: Tx, app_id: UUID, states: Sequence[StateRow], rules: Collection[str], at: datetime
) -> list[Changed]:
    """Alerts of rules that were switched off or taken away are over."""
    changes: list[Changed] = []
    for state in states:
        if state.rule in rules:
            continue
        await store.delete_state(tx.psycopg, app_id, state.rule, state.cohort)
        if state.alert_id and await store.clear_alert(tx.psycopg, state.alert_id, at=at):
            changes.append(Changed(alert_id=state.alert_id, event="cleared"))
    return changes


class _Look:
    """One rule of one app at one minute."""

    def __init__(
        self, tx: Tx, app: Mapping[Any, Any], one: Effective, gatherer: Gatherer, at: datetime
    ) -> None:
        self._tx, self._app, self._at = tx, app, at
        self._name, self._rule, self._gatherer = one.name, one.rule, gatherer
        self._open: dict[Cohort, UUID] = {}

    async def run(self, states: Mapping[Cohort, StateRow]) -> list[Changed]:
        """Look at all cohorts; what opened and closed and is to be told, parents before their parts."""
        rule = self._rule
        found = await self._gatherer.evidence(rule, states.keys())
        parts = sum(cohort != rule.parent for cohort in found)
        opened: list[Cohort] = []
        closed: dict[Cohort, UUID] = {}
        for cohort in sorted(found):
            tested = 1 if cohort == rule.parent else max(1, parts)
            state = states.get(cohort) or StateRow(rule=self._name, cohort=cohort, life=Life())
            change = await self._step(state, found[cohort], tested)
            if change == "opened":
                opened.append(cohort)
            elif change == "cleared" and state.alert_id is not None:
                closed[cohort] = state.alert_id
        return await self._changes(opened, closed)

    async def _step(self, state: StateRow, evidence: Evidence, tested: int) -> str | None:
        """One cohort: judge, remember, open or close."""
        rule, connection, app_id = self._rule, self._tx.psycopg, self._app["id"]
        frozen = state.reference if state.life.is_open else None
        verdict = judge(rule, evidence, tested=tested, frozen=frozen)
        life, change = after(
            state.life,
            verdict.look,
            fire_after=rule.fire_after,
            clear_after=rule.clear_after,
            longest=max(rule.windows),
        )
        alert_id, reference = state.alert_id, frozen
        if change == "opened":
            assert verdict.reference is not None  # without one nothing is bad
            reference = verdict.reference
            alert_id = await self._raise(state.cohort, verdict, reference)
        if alert_id is not None:
            await store.insert_evaluation(connection, alert_id, verdict, at=self._at)
        if change == "cleared" and state.alert_id is not None:
            await store.clear_alert(connection, state.alert_id, at=self._at)
            alert_id = reference = None
        if alert_id is not None:
            self._open[state.cohort] = alert_id
        await self._remember(app_id, state, life, alert_id, reference)
        return change

    async def _remember(
        self,
        app_id: UUID,
        state: StateRow,
        life: Life,
        alert_id: UUID | None,
        reference: Reference | None,
    ) -> None:
        if not life.idle:
            new = StateRow(rule=self._name, cohort=state.cohort, life=life, alert_id=alert_id, reference=reference)  # fmt: skip
            if new != state:
                await store.save_state(self._tx.psycopg, app_id, new)
        elif not state.life.idle:
            await store.delete_state(self._tx.psycopg, app_id, self._name, state.cohort)

    async def _raise(self, cohort: Cohort, verdict: Verdict, reference: Reference) -> UUID:
        rule, app = self._rule, self._app
        alert = NewAlert(
            app_id=app["id"],
            organization_id=app["organization_id"],
            context=FIGURES[rule.figure].context,
            rule=self._name,
            definition=encoded(rule),
            severity=rule.severity,
            cohort=cohort,
            verdict=verdict,
            reference=reference,
            samples=await self._gatherer.examples(rule, cohort, SAMPLES),
        )
        alert_id = await store.insert_alert(self._tx.psycopg, alert, at=self._at)
        log.info(
            "alert.opened",
            app_id=str(app["id"]),
            alert_id=str(alert_id),
            rule=self._name,
            dimension=cohort.dimension,
        )
        return alert_id

    async def _changes(
        self, opened: Sequence[Cohort], closed: Mapping[Cohort, UUID]
    ) -> list[Changed]:
        """What is told: parts of an open alert are told inside of it, and by themselves again when it closes before them."""
        connection, parent = self._tx.psycopg, self._rule.parent
        holder = self._open.get(parent)
        parts = {cohort: key for cohort, key in self._open.items() if cohort != parent}
        changes: list[Changed] = []
        if parent in closed:
            changes.append(Changed(alert_id=closed[parent], event="cleared"))
            await store.detach(connection, closed[parent])
        if holder is not None and parts:
            await store.nest(connection, list(parts.values()), holder)
        if parent in opened and holder is not None:
            changes.append(Changed(alert_id=holder, event="opened"))
        changes += [Changed(alert_id=key, event="cleared") for cohort, key in closed.items() if cohort != parent]  # fmt: skip
        if holder is None:
            # Told now unless somebody was told of them before.
            changes += [Changed(alert_id=key, event="opened") for key in parts.values()]
        return changes


def _state(row: Mapping[str, Any]) -> StateRow:
    streaks = {int(window): count for window, count in row["streaks"].items()}
    life = Life(
        streaks=streaks,
        calm=row["calm"],
        blank=row["blank"],
        rested=row["rested"],
        is_open=row["alert_id"] is not None,
    )
    return StateRow(
        rule=row["rule"],
        cohort=Cohort(row["dimension"], row["value"]),
        life=life,
        alert_id=row["alert_id"],
        reference=None if row["reference"] is None else Reference(**row["reference"]),
    )
