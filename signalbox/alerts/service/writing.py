"""Verbs on rules, channels and alerts: what people may change. Members of an app's organization, and keys that may manage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog

from signalbox.accounts import queries as accounts_queries
from signalbox.accounts.service import member_app
from signalbox.alerts import queries, store
from signalbox.alerts.clients import FIGURES
from signalbox.alerts.errors import (
    AlertNotFound,
    AppNotFound,
    ChannelNotFound,
    InvalidParameters,
    MissingParameters,
    RuleNotFound,
    SecretsMissing,
    TooManyRules,
    WrongRule,
)
from signalbox.alerts.rules.definitions import (
    BUILT_IN,
    Rule,
    changed,
    decoded,
    encoded,
    problems,
    wrong_field,
)
from signalbox.alerts.rules.receivers import addresses_of
from signalbox.alerts.service.effective import Effective, effective_rules, from_row
from signalbox.alerts.service.telling import CHANNEL, Receiver, Voice, host_of
from signalbox.audit import service as audit
from signalbox.core.actor import Actor
from signalbox.core.db import Database, Tx
from signalbox.core.sealing import Sealer, Unsealable
from signalbox.core.webhook_urls import url_problem
from signalbox.http.fields import storable, texts_in

MOST: Final = 100  # rules of an app's own, and channels
NAME_MOST: Final = 120
SECRET_LEAST: Final = 16
_UNSTORABLE: Final = "has a character that cannot be stored"

log = structlog.get_logger(__name__)
Row = Mapping[str, Any]


async def seen_app(tx: Tx, actor: Actor, app_id: UUID) -> Mapping[Any, Any]:
    """An app of the actor's. Raises AppNotFound."""
    row = await accounts_queries.app(tx, actor, app_id)
    if row is None:
        raise AppNotFound
    return row


async def rules_of(db: Database, app_id: UUID, *, by: Actor) -> list[Effective]:
    """The rules that hold for an app. Raises AppNotFound."""
    async with db.read() as tx:
        await seen_app(tx, by, app_id)
        return await effective_rules(tx, by, app_id)


async def rule_named(tx: Tx, actor: Actor, app_id: UUID, name: str) -> Effective:
    """One rule of an app: a built-in one by its name, another by its id. Raises RuleNotFound."""
    for one in await effective_rules(tx, actor, app_id):
        if one.name == name:
            return one
    raise RuleNotFound


def rule_from(fields: Mapping[str, Any], onto: Rule | None = None) -> Rule:
    """A rule from what was sent, or `onto` with that changed. Raises WrongRule, which names the field."""
    for field, value in fields.items():
        if not all(map(storable, texts_in([field, value]))):
            raise WrongRule(field=field if storable(field) else "definition", problem=_UNSTORABLE)
    try:
        rule = decoded(msgspec.json.encode(fields)) if onto is None else changed(onto, fields)
    except msgspec.ValidationError as error:
        field, problem = wrong_field(error)
        raise WrongRule(field=field, problem=problem) from None
    for field, problem in problems(rule, FIGURES):
        raise WrongRule(field=field, problem=problem)
    return rule


async def create_rule(
    db: Database, app_id: UUID, fields: Mapping[str, Any], *, enabled: bool, by: Actor, at: datetime
) -> Effective:
    """Add a rule of an app's own. Raises AppNotFound, Forbidden, WrongRule, TooManyRules."""
    rule = rule_from(fields)
    async with db.begin() as tx:
        app = await member_app(tx, by, app_id)
        own = [one for one in await effective_rules(tx, by, app_id) if not one.built_in]
        if len(own) >= MOST:
            raise TooManyRules(limit=MOST)
        key = await store.insert_rule(
            tx.psycopg,
            app_id=app_id,
            organization_id=app["organization_id"],
            definition=encoded(rule),
            enabled=enabled,
            at=at,
        )
        await _tell(tx, by, "alert_rule_created", key, app, at)
        row = await queries.rule(tx, by, key)
    assert row is not None
    return from_row(row)


async def update_rule(
    db: Database,
    app_id: UUID,
    name: str,
    fields: Mapping[str, Any],
    *,
    enabled: bool | None,
    by: Actor,
    at: datetime,
) -> Effective:
    """Change a rule; of a built-in one the change holds for this app alone. Raises as `create_rule`, and RuleNotFound."""
    async with db.begin() as tx:
        app = await member_app(tx, by, app_id)
        known = await rule_named(tx, by, app_id, name)
        rule = rule_from(fields, known.rule)
        if known.built_in and (rule.figure, rule.kind) != (known.rule.figure, known.rule.kind):
            raise WrongRule(field="figure", problem="a built-in rule keeps its figure and kind")
        key = await _write(tx, app, known, rule, known.enabled if enabled is None else enabled, at)
        await _tell(tx, by, "alert_rule_changed", name, app, at)
        row = await queries.rule(tx, by, key)
    assert row is not None
    return from_row(row)


async def _write(
    tx: Tx, app: Row, known: Effective, rule: Rule, enabled: bool, at: datetime
) -> UUID:
    written: dict[str, Any] = {"definition": encoded(rule), "enabled": enabled, "at": at}
    if known.built_in:
        return await store.insert_rule(
            tx.psycopg,
            app_id=app["id"],
            organization_id=app["organization_id"],
            built_in=known.name,
            **written,
        )
    key = UUID(known.name)
    await store.update_rule(tx.psycopg, key, **written)
    return key


async def delete_rule(db: Database, app_id: UUID, name: str, *, by: Actor, at: datetime) -> None:
    """Take a rule away; a built-in one is as it was made again. Raises AppNotFound, Forbidden, RuleNotFound."""
    async with db.begin() as tx:
        app = await member_app(tx, by, app_id)
        known = await rule_named(tx, by, app_id, name)
        built_in = name if name in BUILT_IN else None
        key = None if known.built_in else UUID(name)
        await store.delete_rule(tx.psycopg, app_id, rule_id=key, built_in=built_in)
        await _tell(tx, by, "alert_rule_deleted", name, app, at)


async def channels_of(db: Database, app_id: UUID, *, by: Actor) -> Sequence[Row]:
    """Who is told of an app's alerts. Raises AppNotFound."""
    async with db.read() as tx:
        await seen_app(tx, by, app_id)
        return await queries.channels(tx, by, app_id)


class Channels:
    """Verbs on channels. `private` says whether addresses of private networks are allowed."""

    def __init__(self, db: Database, sealer: Sealer, voice: Voice, *, private: bool) -> None:
        self._db, self._sealer, self._voice, self._private = db, sealer, voice, private

    async def create(
        self,
        app_id: UUID,
        *,
        kind: str,
        name: str,
        target: str,
        secret: str | None,
        enabled: bool,
        by: Actor,
        at: datetime,
    ) -> Row:
        """Add a channel. Raises AppNotFound, Forbidden, InvalidParameters, TooManyRules, SecretsMissing."""
        target, shown = self._target(kind, target)
        async with self._db.begin() as tx:
            app = await member_app(tx, by, app_id)
            if len(await queries.channels(tx, by, app_id)) >= MOST:
                raise TooManyRules(limit=MOST)
            key = await store.insert_channel(
                tx.psycopg,
                app_id=app_id,
                organization_id=app["organization_id"],
                kind=kind,
                name=_name(name, shown),
                shown=shown,
                target=self._sealed(target),
                secret=self._sealed(_secret(secret, kind)),
                enabled=enabled,
                at=at,
            )
            await _tell(tx, by, "alert_channel_created", key, app, at)
            return await self._channel(tx, app_id, key, by)

    async def update(
        self,
        app_id: UUID,
        channel_id: UUID,
        *,
        name: str | None,
        target: str | None,
        enabled: bool | None,
        by: Actor,
        at: datetime,
    ) -> Row:
        """Change a channel; None leaves a field. Raises as `create`, and ChannelNotFound."""
        async with self._db.begin() as tx:
            app = await member_app(tx, by, app_id)
            row = await self._channel(tx, app_id, channel_id, by)
            sealed, shown = bytes(row["target"]), row["shown"]
            if target is not None:
                plain, shown = self._target(row["kind"], target)
                sealed = self._sealed(plain) or sealed
            await store.update_channel(
                tx.psycopg,
                channel_id,
                name=row["name"] if name is None else _name(name, shown),
                shown=shown,
                target=sealed,
                enabled=row["enabled"] if enabled is None else enabled,
                at=at,
            )
            await _tell(tx, by, "alert_channel_changed", channel_id, app, at)
            return await self._channel(tx, app_id, channel_id, by)

    async def delete(self, app_id: UUID, channel_id: UUID, *, by: Actor, at: datetime) -> None:
        """Take a channel away. Raises AppNotFound, Forbidden, ChannelNotFound."""
        async with self._db.begin() as tx:
            app = await member_app(tx, by, app_id)
            await self._channel(tx, app_id, channel_id, by)
            await store.delete_channel(tx.psycopg, channel_id)
            await _tell(tx, by, "alert_channel_deleted", channel_id, app, at)

    async def test(self, app_id: UUID, channel_id: UUID, *, by: Actor, at: datetime) -> UUID:
        """Queue a message with a made-up alert; its id. Raises as `delete`, and SecretsMissing."""
        async with self._db.begin() as tx:
            app = await member_app(tx, by, app_id)
            row = await self._channel(tx, app_id, channel_id, by)
            try:
                receiver: Receiver = self._voice.receiver(row)
                return await self._voice.send(tx, receiver, _made_up(app, at), "opened", at=at)
            except Unsealable:
                raise SecretsMissing from None

    async def _channel(self, tx: Tx, app_id: UUID, channel_id: UUID, by: Actor) -> Row:
        row = await queries.channel(tx, by, channel_id)
        if row is None or row["app_id"] != app_id:
            raise ChannelNotFound
        return row

    def _target(self, kind: str, target: str) -> tuple[str, str]:
        """The target made exact, and what of it may be shown. Raises InvalidParameters."""
        if kind == "webhook":
            problem = url_problem(target, private=self._private)
            if problem is not None:
                raise InvalidParameters(field="target", problem=problem)
            return target, host_of(target)
        if kind != "email":
            raise InvalidParameters(field="kind", problem="is webhook or email")
        addresses = addresses_of(target)
        if addresses is None:
            raise InvalidParameters(field="target", problem="must be e-mail addresses parted by commas")  # fmt: skip
        return addresses, addresses

    def _sealed(self, text: str | None) -> Any:
        try:
            return None if text is None else self._sealer.seal(text, CHANNEL)
        except Unsealable:
            raise SecretsMissing from None


async def acknowledge(
    db: Database, alert_id: UUID, *, seen: bool, note: str | None, by: Actor, at: datetime
) -> Row:
    """Say that somebody has seen an alert, or (`seen` False) take that back. Raises AlertNotFound or Forbidden."""
    async with db.begin() as tx:
        row = await queries.alert(tx, by, alert_id)
        if row is None:
            raise AlertNotFound
        app = await member_app(tx, by, row["app_id"])
        await store.acknowledge(
            tx.psycopg,
            alert_id,
            user_id=by.user_id if seen else None,
            note=note if seen else None,
            at=at if seen else None,
        )
        event = "alert_acknowledged" if seen else "alert_reopened"
        await _tell(tx, by, event, alert_id, app, at)
        changed_row = await queries.alert(tx, by, alert_id)
    assert changed_row is not None
    return changed_row


async def _tell(
    tx: Tx, by: Actor, event: str, subject: UUID | str, app: Mapping[Any, Any], at: datetime
) -> None:
    await audit.record(
        tx,
        by,
        event,
        subject=subject,
        subject_type="_".join(event.split("_")[:-1]) or "alert",
        at=at,
        organization_id=app["organization_id"],
        facts={"app": str(app["id"])},
    )


def _name(name: str, otherwise: str) -> str:
    cleaned = " ".join(name.split())[:NAME_MOST]
    return cleaned or otherwise[:NAME_MOST]


def _secret(secret: str | None, kind: str) -> str | None:
    """Raises InvalidParameters, MissingParameters."""
    if kind != "webhook":
        if secret is not None:
            raise InvalidParameters(field="secret", problem="belongs to a webhook")
        return None
    if secret is None:
        raise MissingParameters(parameter="secret")
    if len(secret) < SECRET_LEAST:
        raise InvalidParameters(field="secret", problem=f"needs {SECRET_LEAST} characters at least")
    return secret


def _made_up(app: Mapping[Any, Any], at: datetime) -> dict[str, Any]:
    """An alert that never was, for trying a channel out."""
    rule = BUILT_IN["playback_error_spike"]
    return {
        "id": UUID(int=0), "app_id": app["id"], "organization_id": app["organization_id"], "tenant": app["name"], "context": "playback",
        "rule": "test", "definition": msgspec.to_builtins(msgspec.structs.replace(rule, title="This is a test: nothing has happened")),
        "severity": "warning", "dimension": "all", "value": "", "parent_id": None, "started_at": at - timedelta(minutes=5), "cleared_at": None,
        "window_minutes": 5, "n": 400, "k": 22, "rate": 0.055, "baseline": 0.012, "limit_value": 0.032, "p_value": 5.0e-6, "samples": [],
    }  # fmt: skip
