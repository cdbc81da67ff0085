"""What the verbs do beside their answers: notices, audit entries, races, first start."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from signalbox.accounts import queries, service
from signalbox.accounts.errors import (
    AppNotFound,
    EmailTaken,
    ExpiredToken,
    Forbidden,
    InvalidEmail,
    InvalidParameters,
    InvalidToken,
    KeyNotFound,
    MaxOrganizationsReached,
    MissingParameters,
    OrganizationNotFound,
    UnknownScope,
    UserNotFound,
    WeakPassword,
)
from signalbox.audit import service as audit
from signalbox.core.actor import SYSTEM, Actor
from signalbox.core.db import Database
from signalbox.core.ids import new_id
from tests.accounts.conftest import AT, People


async def an_app(db: Database, people: People) -> UUID:
    row = await service.create_app(
        db, organization_id=people.organization_id, name="shop", by=people.alice, at=AT
    )
    app_id: UUID = row["id"]
    return app_id


async def test_every_change_of_an_app_is_told_with_its_commit(
    db: Database, people: People, database_url: str
) -> None:
    app_id = await an_app(db, people)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute("LISTEN signalbox_apps")
        who: dict[str, Any] = {"by": people.alice, "at": AT}

        await service.update_app(db, app_id, recording=False, **who)
        await service.reset_app_key(db, app_id, **who)
        await service.delete_organization(db, people.organization_id, **who)

        told = [n.payload async for n in listener.notifies(timeout=5, stop_after=3)]
    assert told == [str(app_id)] * 3


async def test_deleting_an_app_kills_its_keys_and_tells(
    db: Database, people: People, database_url: str
) -> None:
    app_id = await an_app(db, people)
    _, key = await service.create_key(db, app_id=app_id, scopes=["ingest"], by=people.alice, at=AT)
    actor = await service.authenticate(db, bearer=key, at=AT)
    assert actor is not None
    assert (actor.app_id, actor.scopes) == (app_id, frozenset({"ingest"}))
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute("LISTEN signalbox_apps")

        await service.delete_app(db, app_id, by=people.alice, at=AT)

        told = [n.payload async for n in listener.notifies(timeout=5, stop_after=1)]
    assert told == [str(app_id)]
    with pytest.raises(InvalidToken):
        await service.authenticate(db, bearer=key, at=AT)


async def test_a_change_and_its_audit_entry_stand_or_fall_together(
    db: Database, people: People
) -> None:
    app_id = await an_app(db, people)

    async def fail_late() -> None:
        async with db.begin() as tx:
            await audit.record(tx, people.alice, "app_painted", subject=app_id, at=AT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_late()

    async with db.read() as tx:
        found = await tx.psycopg.execute(
            "SELECT event_type, actor_user_id, actor_type, target_type, organization_id"
            " FROM audit.audit_logs WHERE target_id = %s",
            [str(app_id)],
        )
        entries = await found.fetchall()
    assert entries == [("app_created", people.alice.user_id, "user", "app", people.organization_id)]


async def test_a_key_of_one_app_sees_only_that_app(db: Database, people: People) -> None:
    app_id, other_id = await an_app(db, people), await an_app(db, people)
    _, key = await service.create_key(
        db, app_id=app_id, scopes=["read", "manage"], by=people.alice, at=AT
    )
    actor = await service.authenticate(db, bearer=key, at=AT)
    assert actor is not None

    async with db.read() as tx:
        assert [row["id"] for row in await queries.apps(tx, actor)] == [app_id]
        assert len(await queries.keys(tx, actor)) == 1
    with pytest.raises(AppNotFound):
        await service.delete_app(db, other_id, by=actor, at=AT)
    with pytest.raises(Forbidden):
        await service.create_app(
            db, organization_id=people.organization_id, name="x", by=actor, at=AT
        )
    with pytest.raises(Forbidden):
        await service.create_key(db, app_id=app_id, scopes=["read"], by=actor, at=AT)


async def test_keys_expire_rotate_and_end(db: Database, people: People) -> None:
    where: dict[str, Any] = {"organization_id": people.organization_id, "scopes": ["read"]}
    who: dict[str, Any] = {"by": people.alice, "at": AT}
    _, short = await service.create_key(db, **where, **who, expires_at=AT + timedelta(seconds=9))
    row, key = await service.create_key(db, **where, **who)

    with pytest.raises(ExpiredToken):
        await service.authenticate(db, bearer=short, at=AT + timedelta(seconds=9))
    new_row, new_key = await service.rotate_key(db, row["key_id"], **who, overlap_s=60)
    assert await service.authenticate(db, bearer=key, at=AT + timedelta(seconds=59))
    with pytest.raises(ExpiredToken):
        await service.authenticate(db, bearer=key, at=AT + timedelta(seconds=60))
    _, last = await service.rotate_key(db, new_row["key_id"], **who)
    with pytest.raises(InvalidToken):
        await service.authenticate(db, bearer=new_key, at=AT)
    assert await service.authenticate(db, bearer=last, at=AT)
    with pytest.raises(KeyNotFound):
        await service.revoke_key(db, new_row["key_id"], **who)
    with pytest.raises(KeyNotFound):
        await service.revoke_key(db, row["key_id"], by=people.charlie, at=AT)


async def test_a_key_loses_what_its_owner_loses(db: Database, people: People) -> None:
    assert people.alice.user_id is not None
    _, key = await service.create_key(
        db, organization_id=people.organization_id, scopes=["read"], by=people.alice, at=AT
    )
    async with db.begin() as tx:
        await tx.psycopg.execute(
            "DELETE FROM accounts.memberships WHERE user_id = %s", [people.alice.user_id]
        )

    with pytest.raises(InvalidToken):
        await service.authenticate(db, bearer=key, at=AT)


async def test_impossible_keys_are_refused(db: Database, people: People) -> None:
    who: dict[str, Any] = {"by": people.alice, "at": AT}
    where: dict[str, Any] = {"organization_id": people.organization_id}
    with pytest.raises(MissingParameters):
        await service.create_key(db, scopes=["read"], **who)
    with pytest.raises(MissingParameters):
        await service.create_key(db, scopes=[], **where, **who)
    with pytest.raises(UnknownScope):
        await service.create_key(db, scopes=["everything"], **where, **who)
    with pytest.raises(InvalidParameters):
        await service.create_key(db, scopes=["read"], **where, **who, expires_at=AT)
    with pytest.raises(OrganizationNotFound):
        await service.create_key(db, scopes=["read"], **where, by=people.charlie, at=AT)
    with pytest.raises(Forbidden):
        await service.create_key(db, scopes=["read"], **where, by=people.bob, at=AT)


async def test_the_use_of_a_key_is_noted_once_a_minute(db: Database, people: People) -> None:
    row, key = await service.create_key(
        db, organization_id=people.organization_id, scopes=["read"], by=people.alice, at=AT
    )
    for seconds in (0, 59, 61):
        await service.authenticate(db, bearer=key, at=AT + timedelta(seconds=seconds))

    async with db.read() as tx:
        seen = await queries.key(tx, people.alice, row["key_id"])
    assert seen is not None
    assert seen["last_used_at"] == AT + timedelta(seconds=61)


async def test_users_are_entered_by_administrators(db: Database, people: People) -> None:
    email = f"{new_id().hex}@example.org"
    made = await service.create_user(db, email=email, by=SYSTEM, at=AT, role="admin")

    with pytest.raises(EmailTaken):
        await service.create_user(db, email=email.upper(), by=SYSTEM, at=AT)
    with pytest.raises(InvalidEmail):
        await service.create_user(db, email="nobody", by=SYSTEM, at=AT)
    with pytest.raises(WeakPassword):
        await service.create_user(db, email="a@b.example", password="short", by=SYSTEM, at=AT)
    with pytest.raises(InvalidParameters):
        await service.create_user(
            db, email="a@b.example", organization_role="king", by=SYSTEM, at=AT
        )
    with pytest.raises(Forbidden):
        await service.create_user(db, email="a@b.example", by=people.alice, at=AT)
    with pytest.raises(UserNotFound):
        await service.delete_user(db, new_id(), by=SYSTEM, at=AT)
    with pytest.raises(UserNotFound):
        await service.set_password(db, new_id(), password="long enough", by=SYSTEM, at=AT)
    admin = Actor(kind="user", user_id=made["user_id"], is_admin=True)
    await service.delete_user(db, made["user_id"], by=admin, at=AT)
    with pytest.raises(UserNotFound):
        await service.delete_user(db, made["user_id"], by=admin, at=AT)


async def test_people_see_those_they_share_an_organization_with(
    db: Database, people: People
) -> None:
    async with db.read() as tx:
        seen = {row["user_id"] for row in await queries.users(tx, people.alice)}
        nobody = await queries.users(tx, Actor(kind="user", id=new_id()))
        everybody = {row["user_id"] for row in await queries.users(tx, SYSTEM)}
    assert seen == {people.alice.user_id, people.bob.user_id}
    assert not nobody
    assert people.charlie.user_id in everybody


async def test_only_owners_choose_who_belongs(db: Database, people: People) -> None:
    assert people.charlie.user_id is not None
    args = (people.charlie.user_id, people.organization_id)
    with pytest.raises(Forbidden):
        await service.set_membership(db, *args, role="owner", by=people.bob, at=AT)
    with pytest.raises(OrganizationNotFound):
        await service.set_membership(db, *args, role="owner", by=people.charlie, at=AT)
    with pytest.raises(InvalidParameters):
        await service.set_membership(db, *args, role="king", by=people.alice, at=AT)
    with pytest.raises(UserNotFound):
        await service.set_membership(
            db, new_id(), people.organization_id, role="member", by=people.alice, at=AT
        )


async def test_a_maximum_of_organizations_holds(db: Database, people: People) -> None:
    with pytest.raises(MaxOrganizationsReached):
        await service.create_organization(db, name="more", by=people.alice, at=AT, most=1)
    made = await service.create_organization(
        db, name="more", by=people.alice, at=AT, most=1_000_000
    )
    async with db.read() as tx:
        assert await queries.role(tx, people.alice, made["id"]) == "owner"


async def test_expired_logins_are_swept(db: Database, people: People) -> None:
    made = await service.login(db, name=people.alice_email, password="correct horse battery", at=AT)
    assert await service.authenticate(db, cookie=made.cookie, at=AT)

    await service.forget_expired_logins(db, at=made.expires_at + timedelta(days=2))

    with pytest.raises(InvalidToken):
        await service.authenticate(db, cookie=made.cookie, at=AT)
    assert await service.authenticate(db, at=AT) is None


async def test_the_first_start_happens_once_even_when_raced(
    db: Database, database_url: str
) -> None:
    fresh = await _fresh_database(database_url)
    try:
        starting = (service.ensure_first_run(fresh, at=AT, interval_ms=2_500) for _ in range(3))
        runs = await asyncio.gather(*starting)
        again = await service.ensure_first_run(fresh, at=AT)

        (first,) = [run for run in runs if run is not None]
        assert again is None
        assert first.password is not None
        assert first.password not in repr(first)
        assert len(first.api_key) == 32
        async with fresh.read() as tx:
            app = await queries.app(tx, SYSTEM, first.app_id)
        assert app is not None
        assert app["interval_ms"] == 2_500
        for name in ("admin", "ADMIN@localhost"):
            made = await service.login(fresh, name=name, password=first.password, at=AT)
            assert made.must_change_password
        actor = await service.authenticate(fresh, cookie=made.cookie, at=AT)
        assert actor is not None
        assert actor.is_admin
        assert actor.organization_ids == {first.organization_id}
        everyone = await service.everyone(fresh)
        assert everyone.organization_ids == {first.organization_id}
    finally:
        await fresh.close()


async def _fresh_database(database_url: str) -> Database:
    """An empty copy of the schema beside the shared one, dropped with the server."""
    from urllib.parse import urlsplit, urlunsplit

    from signalbox.site.migrate import migrate

    name = f"signalbox_test_{new_id().hex[:12]}"
    parts = urlsplit(database_url)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = urlunsplit(parts._replace(path=f"/{name}"))
    await asyncio.to_thread(migrate, url)
    fresh = Database(url)
    await fresh.open()
    return fresh
