"""Every statement that changes tenants, people, keys and logins.

Whatever changes what an ingest door may believe about an app tells the channel `signalbox_apps` in the same
transaction, and about a bearer key `signalbox_keys`, so that no process goes on with a key that is dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg import sql
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from signalbox.core.db import Tx

Row = dict[str, Any]

APPS_CHANNEL: Final = "signalbox_apps"
KEYS_CHANNEL: Final = "signalbox_keys"
_FIRST_RUN_LOCK: Final = 0x51670001

_APP_COLUMNS: Final = (
    "id, organization_id, name, api_key, domain, interval_ms, recording, "
    "quota_participant_minutes_monthly, retention_events_days, retention_points_days, "
    "retention_rollups_days, retention_days, masks, quota_playback_reports_daily, "
    "playback_rate_limit, playback_rate_window_s, created_at"
)
_KEY_COLUMNS: Final = (
    "key_id, organization_id, app_id, user_id, key_prefix, name, scopes, expires_at, not_before, bucket_id, "
    "rate_limit, rate_window_s, origins, created_at"
)
_USER_COLUMNS: Final = "user_id, email, username, display_name, role, created_at"


async def _one(tx: Tx, statement: str | sql.Composed, values: Mapping[str, Any]) -> Row | None:
    async with tx.psycopg.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchone()


async def _run(tx: Tx, statement: str, values: Mapping[str, Any]) -> int:
    cursor = await tx.psycopg.execute(statement, values)
    return cursor.rowcount


async def _insert(
    tx: Tx, table: str, values: Mapping[str, Any], returning: str, unless_taken: bool = False
) -> Row | None:
    statement = sql.SQL(
        "INSERT INTO {table} ({columns}) VALUES ({values}) {conflict} RETURNING {returning}"
    ).format(
        table=sql.Identifier("accounts", table),
        columns=sql.SQL(", ").join(map(sql.Identifier, values)),
        values=sql.SQL(", ").join(map(sql.Placeholder, values)),
        conflict=sql.SQL("ON CONFLICT DO NOTHING" if unless_taken else ""),
        returning=sql.SQL(returning),
    )
    return await _one(tx, statement, values)


def _assignments(changes: Mapping[str, Any]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in changes
    )


async def app_changed(tx: Tx, app_id: UUID) -> None:
    """Tell every process, when this transaction commits, to forget what it knows about an app."""
    await tx.psycopg.execute("SELECT pg_notify(%s, %s)", [APPS_CHANNEL, str(app_id)])


async def key_changed(tx: Tx, key_id: UUID) -> None:
    """Tell every process, when this transaction commits, to forget what it knows about a bearer key."""
    await tx.psycopg.execute("SELECT pg_notify(%s, %s)", [KEYS_CHANNEL, str(key_id)])


# Organizations


async def lock_first_run(tx: Tx) -> None:
    """Let only one process at a time look whether this is the first start."""
    await tx.psycopg.execute("SELECT pg_advisory_xact_lock(%s)", [_FIRST_RUN_LOCK])


async def insert_organization(tx: Tx, values: Mapping[str, Any]) -> Row:
    """Add an organization; answers id, name, created_at."""
    row = await _insert(tx, "organizations", values, "id, name, created_at")
    assert row is not None
    return row


async def count_organizations(tx: Tx) -> int:
    """How many active ones there are. Locks out a concurrent creation until the end of the transaction."""
    await lock_first_run(tx)
    row = await _one(tx, "SELECT count(*) AS n FROM accounts.organizations WHERE is_active", {})
    return int(row["n"]) if row else 0


async def rename_organization(tx: Tx, organization_id: UUID, name: str) -> None:
    """Give an active organization another name."""
    values = {"id": organization_id, "name": name}
    await _run(
        tx,
        "UPDATE accounts.organizations SET name = %(name)s WHERE id = %(id)s AND is_active",
        values,
    )


async def deactivate_organization(tx: Tx, organization_id: UUID, at: datetime) -> Sequence[UUID]:
    """Switch an organization, its apps and its keys off; answers the ids of the apps that were on."""
    values = {"id": organization_id, "at": at}
    await _run(tx, "UPDATE accounts.organizations SET is_active = false WHERE id = %(id)s", values)
    await _run(
        tx,
        "UPDATE accounts.api_keys SET is_active = false, revoked_at = %(at)s, updated_at = %(at)s"
        " WHERE organization_id = %(id)s AND is_active",
        values,
    )
    cursor = await tx.psycopg.execute(
        "UPDATE accounts.apps SET is_active = false, updated_at = %(at)s"
        " WHERE organization_id = %(id)s AND is_active RETURNING id",
        values,
    )
    return [row[0] for row in await cursor.fetchall()]


# Apps


async def insert_app(tx: Tx, values: Mapping[str, Any]) -> Row:
    """Add an app; answers its row."""
    row = await _insert(tx, "apps", values, _APP_COLUMNS)
    assert row is not None
    return row


async def update_app(tx: Tx, app_id: UUID, changes: Mapping[str, Any], at: datetime) -> Row | None:
    """Set the columns named in `changes` (at least one); None if the app is gone meanwhile."""
    statement = sql.SQL(
        "UPDATE accounts.apps SET {changes}, updated_at = {at} WHERE id = {id} AND is_active"
        " RETURNING {columns}"
    ).format(
        changes=_assignments(changes),
        at=sql.Placeholder("at"),
        id=sql.Placeholder("id"),
        columns=sql.SQL(_APP_COLUMNS),
    )
    return await _one(tx, statement, {**changes, "at": at, "id": app_id})


async def replace_app_key(
    tx: Tx, app_id: UUID, key: str, *, old_until: datetime | None, at: datetime
) -> Row | None:
    """Give an app another public key. The old one is accepted until `old_until`, or dead at once when None."""
    statement = sql.SQL(
        "UPDATE accounts.apps SET updated_at = %(at)s, api_key = %(key)s,"
        " previous_api_key ="
        " CASE WHEN %(until)s::timestamptz IS NULL THEN NULL ELSE api_key END,"
        " previous_api_key_until = %(until)s WHERE id = %(id)s AND is_active RETURNING {columns}"
    ).format(columns=sql.SQL(_APP_COLUMNS))
    return await _one(tx, statement, {"id": app_id, "key": key, "until": old_until, "at": at})


async def deactivate_app(tx: Tx, app_id: UUID, at: datetime) -> bool:
    """Switch an app and its bearer keys off; False if it was off already."""
    values = {"id": app_id, "at": at}
    await _run(
        tx,
        "UPDATE accounts.api_keys SET is_active = false, revoked_at = %(at)s, updated_at = %(at)s"
        " WHERE app_id = %(id)s AND is_active",
        values,
    )
    changed = await _run(
        tx,
        "UPDATE accounts.apps SET is_active = false, updated_at = %(at)s WHERE id = %(id)s AND is_active",
        values,
    )
    return changed == 1


# Bearer keys


async def insert_key(tx: Tx, values: Mapping[str, Any]) -> Row:
    """Add a bearer key; answers its row without the hash."""
    row = await _insert(tx, "api_keys", values, _KEY_COLUMNS)
    assert row is not None
    return row


async def revoke_key(tx: Tx, key_id: UUID, at: datetime) -> bool:
    """Switch a key off; False if it was off already."""
    await key_changed(tx, key_id)
    changed = await _run(
        tx,
        "UPDATE accounts.api_keys SET is_active = false, revoked_at = %(at)s, updated_at = %(at)s"
        " WHERE key_id = %(id)s AND is_active",
        {"id": key_id, "at": at},
    )
    return changed == 1


async def end_key(tx: Tx, key_id: UUID, *, until: datetime, at: datetime) -> None:
    """Let a key expire at `until`, unless it ends earlier anyway."""
    await key_changed(tx, key_id)
    await _run(
        tx,
        "UPDATE accounts.api_keys SET expires_at = least(expires_at, %(until)s), updated_at = %(at)s"
        " WHERE key_id = %(id)s",
        {"id": key_id, "until": until, "at": at},
    )


async def count_labelled(tx: Tx, app_id: UUID, name: str, prefix: str, at: datetime) -> int:
    """How many keys of an app that begin with `prefix` have this name and are not over. Locks the app, so that two cannot both be the last."""
    await tx.psycopg.execute("SELECT FROM accounts.apps WHERE id = %s FOR NO KEY UPDATE", [app_id])
    row = await _one(
        tx,
        "SELECT count(*) AS n FROM accounts.api_keys WHERE app_id = %(app)s AND name = %(name)s AND is_active"
        " AND starts_with(key_prefix, %(prefix)s) AND (expires_at IS NULL OR expires_at > %(at)s)",
        {"app": app_id, "name": name, "prefix": prefix, "at": at},
    )
    return int(row["n"]) if row else 0


async def key_used(tx: Tx, key_id: UUID, at: datetime) -> None:
    """Note that a key was used."""
    await _run(
        tx,
        "UPDATE accounts.api_keys SET last_used_at = %(at)s WHERE key_id = %(id)s",
        {"id": key_id, "at": at},
    )


# People


async def insert_user(tx: Tx, values: Mapping[str, Any]) -> Row | None:
    """Add a user; None if the e-mail address or the name is taken."""
    return await _insert(tx, "users", values, _USER_COLUMNS, unless_taken=True)


async def update_user(tx: Tx, user_id: UUID, changes: Mapping[str, Any], at: datetime) -> bool:
    """Set the columns named in `changes` (at least one); False if the e-mail address is taken."""
    statement = sql.SQL(
        "UPDATE accounts.users SET {changes}, updated_at = {at} WHERE user_id = {id}"
    ).format(changes=_assignments(changes), at=sql.Placeholder("at"), id=sql.Placeholder("id"))
    try:
        async with tx.psycopg.transaction():
            await tx.psycopg.execute(statement, {**changes, "at": at, "id": user_id})
    except UniqueViolation:
        return False
    return True


async def put_membership(
    tx: Tx, user_id: UUID, organization_id: UUID, role: str, at: datetime
) -> None:
    """Make a user a member of an organization, or change the role there."""
    await _run(
        tx,
        "INSERT INTO accounts.memberships (user_id, organization_id, role, created_at)"
        " VALUES (%(user)s, %(organization)s, %(role)s, %(at)s)"
        " ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role",
        {"user": user_id, "organization": organization_id, "role": role, "at": at},
    )


async def delete_membership(tx: Tx, user_id: UUID, organization_id: UUID, at: datetime) -> int:
    """Take a user out of an organization; answers how many of their keys there ended. An administrator's go on: their role does not come from there."""
    values = {"user": user_id, "organization": organization_id, "at": at}
    await _run(
        tx,
        "DELETE FROM accounts.memberships"
        " WHERE user_id = %(user)s AND organization_id = %(organization)s",
        values,
    )
    return await _run(
        tx,
        "UPDATE accounts.api_keys SET is_active = false, revoked_at = %(at)s, updated_at = %(at)s"
        " WHERE user_id = %(user)s AND organization_id = %(organization)s AND is_active AND NOT EXISTS"
        " (SELECT FROM accounts.users WHERE user_id = %(user)s AND role = 'admin')",
        values,
    )


async def lock_organization(tx: Tx, organization_id: UUID) -> None:
    """Hold an organization until the end of the transaction."""
    await tx.psycopg.execute(
        "SELECT FROM accounts.organizations WHERE id = %s FOR UPDATE", [organization_id]
    )


async def owners(tx: Tx, organization_id: UUID) -> list[UUID]:
    """The active users that own an organization, which the caller has locked."""
    cursor = await tx.psycopg.execute(
        "SELECT m.user_id FROM accounts.memberships m JOIN accounts.users u USING (user_id)"
        " WHERE m.organization_id = %s AND m.role = 'owner' AND u.is_active",
        [organization_id],
    )
    return [row[0] for row in await cursor.fetchall()]


async def set_password(
    tx: Tx, user_id: UUID, password_hash: str, *, must_change: bool, at: datetime
) -> None:
    """Store another password hash and make tokens given out before worthless."""
    await _run(
        tx,
        "UPDATE accounts.users SET password_hash = %(hash)s, must_change_password = %(must)s,"
        " token_epoch = token_epoch + 1, updated_at = %(at)s WHERE user_id = %(id)s",
        {"id": user_id, "hash": password_hash, "must": must_change, "at": at},
    )


async def rehash_password(tx: Tx, user_id: UUID, old_hash: str, new_hash: str) -> None:
    """Replace the hash of an unchanged password; does nothing if the password was changed meanwhile."""
    await _run(
        tx,
        "UPDATE accounts.users SET password_hash = %(new)s WHERE user_id = %(id)s AND password_hash = %(old)s",
        {"id": user_id, "old": old_hash, "new": new_hash},
    )


async def user_logged_in(tx: Tx, user_id: UUID, at: datetime) -> None:
    """Note when a user last logged in."""
    await _run(
        tx,
        "UPDATE accounts.users SET last_login_at = %(at)s WHERE user_id = %(id)s",
        {"id": user_id, "at": at},
    )


async def deactivate_user(tx: Tx, user_id: UUID, at: datetime) -> bool:
    """Bar a user, end all logins and keys; False if barred already."""
    values = {"id": user_id, "at": at}
    changed = await _run(
        tx,
        "UPDATE accounts.users SET is_active = false, token_epoch = token_epoch + 1, updated_at = %(at)s"
        " WHERE user_id = %(id)s AND is_active",
        values,
    )
    await _run(
        tx,
        "UPDATE accounts.api_keys SET is_active = false, revoked_at = %(at)s, updated_at = %(at)s"
        " WHERE user_id = %(id)s AND is_active",
        values,
    )
    await delete_logins(tx, user_id)
    return changed == 1


# Logins


async def insert_login(tx: Tx, values: Mapping[str, Any]) -> None:
    """Add a login."""
    await _insert(tx, "login_sessions", values, "user_id")


async def login_seen(tx: Tx, cookie_hash: str, at: datetime) -> None:
    """Note that a login was used."""
    await _run(
        tx,
        "UPDATE accounts.login_sessions SET last_seen_at = %(at)s WHERE cookie_hash = %(hash)s",
        {"hash": cookie_hash, "at": at},
    )


async def delete_login(tx: Tx, cookie_hash: str) -> UUID | None:
    """End a login; answers whose it was, None if there is none."""
    row = await _one(
        tx,
        "DELETE FROM accounts.login_sessions WHERE cookie_hash = %(hash)s RETURNING user_id",
        {"hash": cookie_hash},
    )
    return row["user_id"] if row else None


async def delete_logins(tx: Tx, user_id: UUID, keep_hash: str | None = None) -> int:
    """End all logins of a user but the one with `keep_hash`; answers how many."""
    return await _run(
        tx,
        "DELETE FROM accounts.login_sessions"
        " WHERE user_id = %(id)s AND cookie_hash IS DISTINCT FROM %(keep)s",
        {"id": user_id, "keep": keep_hash},
    )


async def delete_expired_logins(tx: Tx, before: datetime) -> int:
    """Drop logins that ended before an instant; answers how many."""
    return await _run(
        tx,
        "DELETE FROM accounts.login_sessions WHERE expires_at < %(before)s",
        {"before": before},
    )


async def put_setting(tx: Tx, name: str, value: str, at: datetime) -> str:
    """Store a value of the installation if none is stored; answers the one that holds."""
    row = await _one(
        tx,
        "INSERT INTO accounts.settings (name, value, updated_at) VALUES (%(name)s, %(value)s, %(at)s)"
        " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING value",
        {"name": name, "value": value, "at": at},
    )
    assert row is not None
    return str(row["value"])


async def replace_setting(tx: Tx, name: str, value: str, at: datetime) -> None:
    """Store a value of the installation in place of the one that is stored."""
    await _run(
        tx,
        "UPDATE accounts.settings SET value = %(value)s, updated_at = %(at)s WHERE name = %(name)s",
        {"name": name, "value": value, "at": at},
    )
