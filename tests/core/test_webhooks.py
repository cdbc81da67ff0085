"""Messages to other hosts: signed, tried again, given up, and never to addresses that are not to be asked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from psycopg import AsyncConnection

from signalbox.core import outgoing
from signalbox.core.db import Database
from signalbox.core.outgoing import DeliveryFailed, Letter
from signalbox.core.sealing import Sealer
from signalbox.core.webhook_urls import url_problem
from signalbox.core.webhooks import Courier, ForbiddenAddress, _Guarded

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
SECRETS = ["e" * 32]


class Receiver:
    """A host that is told something, on loopback."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        status = self.answers.pop(0) if self.answers else 204
        headers = {"Location": self.url} if 300 <= status < 400 else {}
        return web.Response(status=status, headers=headers)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


@pytest.fixture(autouse=True)
async def empty(db: Database) -> None:
    """Messages of other tests would be sent by ours."""
    async with db.begin() as tx:
        await tx.psycopg.execute("DELETE FROM outgoing.messages")


def courier(db: Database, **options: Any) -> Courier:
    @asynccontextmanager
    async def begin() -> AsyncIterator[AsyncConnection[Any]]:
        async with db.begin() as tx:
            yield tx.psycopg

    return Courier(begin, Sealer(SECRETS), **{"private": True, "timeout_s": 60.0, **options})


async def queue(db: Database, url: str, **changes: Any) -> UUID:
    fields: dict[str, Any] = {
        "kind": "webhook",
        "target": url,
        "body": b'{"n":1}',
        "secret": "shared",
        "signatures": ("X-Signature",),
        **changes,
    }
    async with db.begin() as tx:
        return await outgoing.queue(tx.psycopg, Sealer(SECRETS), Letter(**fields), at=AT)


async def state(db: Database, message: UUID) -> tuple[Any, ...]:
    async with db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT state, tries, outcome FROM outgoing.messages WHERE id = %s", (message,)
        )
        row = await cursor.fetchone()
    assert row is not None
    return tuple(row)


async def test_a_message_is_posted_once_and_signed(db: Database, receiver: Receiver) -> None:
    message = await queue(db, receiver.url)
    sender = courier(db)

    await sender.send_due(at=AT)
    await sender.send_due(at=AT + timedelta(hours=1))

    ((headers, body),) = receiver.got
    wanted = hmac.new(b"shared", body, hashlib.sha256).hexdigest()
    assert body == b'{"n":1}'
    assert headers["X-Signature"] == f"sha256={wanted}"
    assert headers["X-Signalbox-Delivery"] == str(message)
    assert headers["Content-Type"] == "application/json"
    assert await state(db, message) == ("sent", 1, "204")


async def test_a_message_that_was_not_committed_is_not_sent(
    db: Database, receiver: Receiver
) -> None:
    async def fail() -> None:
        async with db.begin() as tx:
            letter = Letter(kind="webhook", target=receiver.url, body=b"{}")
            await outgoing.queue(tx.psycopg, Sealer(SECRETS), letter, at=AT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()

    assert await courier(db).send_due(at=AT) == 0


async def test_three_tries_with_growing_pauses_then_no_more(
    db: Database, receiver: Receiver
) -> None:
    receiver.answers = [500, 503, 429, 200]
    message = await queue(db, receiver.url)
    sender = courier(db)

    tried = [
        await sender.send_due(at=AT + timedelta(seconds=s)) for s in (0, 9, 10, 129, 130, 3600)
    ]

    assert tried == [1, 0, 1, 0, 1, 0]
    assert await state(db, message) == ("failed", 3, "429")


async def test_a_refusal_for_good_is_not_repeated(db: Database, receiver: Receiver) -> None:
    receiver.answers = [410]
    message = await queue(db, receiver.url)

    await courier(db).send_due(at=AT)

    assert await state(db, message) == ("failed", 1, "410")


async def test_a_redirect_is_not_followed(db: Database, receiver: Receiver) -> None:
    receiver.answers = [302]
    message = await queue(db, receiver.url)

    await courier(db).send_due(at=AT)

    assert len(receiver.got) == 1
    assert await state(db, message) == ("waiting", 1, "302")


async def test_a_host_that_is_away_is_tried_again(db: Database) -> None:
    message = await queue(db, "http://127.0.0.1:1/hook")

    await courier(db).send_due(at=AT)

    assert await state(db, message) == ("waiting", 1, "unreachable")


async def test_private_addresses_can_be_forbidden(db: Database, receiver: Receiver) -> None:
    literal = await queue(db, receiver.url)
    named = await queue(db, receiver.url.replace("127.0.0.1", "localhost"))

    await courier(db, private=False).send_due(at=AT)

    assert receiver.got == []
    assert (await state(db, literal))[2] == "forbidden_address"
    assert (await state(db, named))[2] == "forbidden_address"


async def test_several_senders_send_each_message_once(db: Database, receiver: Receiver) -> None:
    for _ in range(10):
        await queue(db, receiver.url)

    await asyncio.gather(*(courier(db).send_due(at=AT) for _ in range(4)))

    ids = [headers["X-Signalbox-Delivery"] for headers, _ in receiver.got]
    assert sorted(ids) == sorted(set(ids))
    assert len(ids) == 10


async def test_a_message_that_is_being_claimed_is_passed_over(db: Database) -> None:
    await queue(db, "http://127.0.0.1:1/hook")

    async with db.begin() as first, db.begin() as second:
        await second.psycopg.execute("SET LOCAL lock_timeout = '10s'")
        mine = await outgoing.claim(first.psycopg, at=AT)
        theirs = await outgoing.claim(second.psycopg, at=AT)

    assert (len(mine), len(theirs)) == (1, 0)


async def test_a_name_is_held_to_the_addresses_that_it_leads_to() -> None:
    strict, open_ = _Guarded(private=False), _Guarded(private=True)

    assert await open_.resolve("localhost", 80)
    with pytest.raises(ForbiddenAddress):
        await strict.resolve("localhost", 80)
    await strict.close()
    await open_.close()


async def test_what_a_dead_sender_held_is_sent_after_its_lease(
    db: Database, receiver: Receiver
) -> None:
    message = await queue(db, receiver.url)
    async with db.begin() as tx:
        await outgoing.claim(tx.psycopg, at=AT)
    sender = courier(db)

    assert await sender.send_due(at=AT + timedelta(seconds=60)) == 0
    assert await sender.send_due(at=AT + outgoing.LEASE) == 1
    assert (await state(db, message))[:2] == ("sent", 2)


async def test_what_was_lost_with_its_senders_is_given_up(db: Database) -> None:
    message = await queue(db, "http://127.0.0.1:1/hook")
    at = AT
    for _ in range(4):
        async with db.begin() as tx:
            await outgoing.claim(tx.psycopg, at=at)
        at += outgoing.LEASE

    assert await state(db, message) == ("failed", 3, "lost")


async def test_without_its_secret_a_message_is_given_up(db: Database, receiver: Receiver) -> None:
    message = await queue(db, receiver.url)
    async with db.begin() as tx:
        await tx.psycopg.execute("UPDATE outgoing.messages SET target = %s", (b"\x01damaged",))

    await courier(db).send_due(at=AT)

    assert await state(db, message) == ("failed", 1, "secret_lost")


async def test_an_e_mail_goes_to_the_mail_server(db: Database) -> None:
    sent: list[tuple[str, str, bytes]] = []

    async def send(*letter: Any) -> None:
        sent.append(letter)

    async def refuse(*_: Any) -> None:
        raise DeliveryFailed("550", final=True)

    letter: dict[str, Any] = {"kind": "email", "subject": "s", "secret": None, "signatures": ()}
    first = await queue(db, "a@b.example", **letter)
    await courier(db, email=send).send_due(at=AT)
    second = await queue(db, "a@b.example", **letter)
    await courier(db, email=refuse).send_due(at=AT)
    third = await queue(db, "a@b.example", **letter)
    await courier(db).send_due(at=AT)

    assert sent == [("a@b.example", "s", b'{"n":1}')]
    assert await state(db, first) == ("sent", 1, "accepted")
    assert await state(db, second) == ("failed", 1, "550")
    assert await state(db, third) == ("failed", 1, "no_mail_server")


async def test_finished_messages_are_forgotten_after_a_month(
    db: Database, receiver: Receiver
) -> None:
    await queue(db, receiver.url)
    waiting = await queue(db, receiver.url)
    receiver.answers = [204, 500]
    await courier(db).send_due(at=AT)

    async with db.begin() as tx:
        early = await outgoing.forget(tx.psycopg, at=AT + timedelta(days=30))
        late = await outgoing.forget(tx.psycopg, at=AT + timedelta(days=31))

    assert (early, late) == (0, 1)
    assert waiting != uuid4()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example/", "https://", "https://x.example:0/", "https://x.example:99999/", "https://a:b@x.example/", "https://x.example/a b",
        "https://x.example/" + "a" * 2048, "http://169.254.169.254/", "http://[fe80::1]/", "http://0.0.0.0/", "http://224.0.0.1/",
        "http://[::ffff:169.254.169.254]/", "not an address",
        "http://１６９.254.169.254/", "http://169。254。169。254/", "http://⑯９.254.169.254/", "http://127.1/", "http://2130706433/",
        "http://0x7f.1/", "http://0x7f000001/", "http://127.0.0.1./",
    ],
)  # fmt: skip
def test_what_is_never_an_address_of_a_webhook(url: str) -> None:
    assert url_problem(url, private=True) is not None


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1/", "http://localhost:9000/", "http://127.0.0.1/", "http://[::1]/", "http://192.168.1.1/x"],
)  # fmt: skip
def test_addresses_of_one_s_own_network_are_up_to_the_operator(url: str) -> None:
    assert url_problem(url, private=True) is None
    assert url_problem(url, private=False) is not None


def test_addresses_of_the_world_are_allowed() -> None:
    assert url_problem("https://hooks.example.com/T/1?x=y", private=False) is None
    assert url_problem("https://93.184.216.34/", private=False) is None
    assert url_problem("https://xn--bcher-kva.example/", private=False) is None
    assert url_problem("https://127.0.0.1.example/", private=False) is None
    assert url_problem("https://0x7f.example/", private=False) is None
