"""Letters are handed to a mail server that speaks as RFC 5321 says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from signalbox.core.clock import ManualClock
from signalbox.core.mail import Mailer
from signalbox.core.outgoing import DeliveryFailed
from signalbox.core.settings import MailSettings

CLOCK = ManualClock(datetime(2026, 3, 2, 3, 7, tzinfo=UTC))


class Server:
    """A mail server, as small as one can be. `refusals` are answers by the first word of a command."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []
        self.commands: list[str] = []
        self.refusals: dict[str, str] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")

        say("220 here")
        while line := (await reader.readline()).decode().strip():
            self.commands.append(line)
            word = line.split()[0].upper()
            if word in self.refusals:
                say(self.refusals[word])
            elif word == "EHLO":
                say("250-here")
                say("250 AUTH PLAIN")
            elif word == "AUTH":
                say("235 in")
            elif word == "DATA":
                say("354 go on")
                self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
                say("250 taken")
            elif word == "QUIT":
                say("221 bye")
                break
            else:
                say("250 yes")
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    listening.close()
    await listening.wait_closed()


async def send(server: Server, **changes: Any) -> None:
    fields = {"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "box@x.example"}  # fmt: skip
    mailer = Mailer(MailSettings(**{**fields, **changes}), CLOCK)
    try:
        await mailer.send(
            "a@b.example, c@d.example", "über\r\nBcc: x@y.example", "Guten Tag –\n".encode()
        )
    finally:
        mailer.close()


async def test_a_letter_arrives_whole(server: Server) -> None:
    await send(server)

    (letter,) = server.letters
    read = message_from_bytes(letter.removesuffix(b".\r\n"), policy=default)
    assert (read["From"], read["To"]) == ("box@x.example", "a@b.example, c@d.example")
    assert read["Subject"] == "über Bcc: x@y.example"
    assert read["Date"] == "Mon, 02 Mar 2026 03:07:00 +0000"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read.get_content().split() == ["Guten", "Tag", "–"]
    assert [line for line in server.commands if line.startswith("rcpt")] == [
        "rcpt TO:<a@b.example>",
        "rcpt TO:<c@d.example>",
    ]


async def test_it_signs_in_when_it_has_a_name(server: Server) -> None:
    await send(server, user="u", password="p")

    assert any(line.startswith("AUTH PLAIN") for line in server.commands)


@pytest.mark.parametrize(
    ("word", "answer", "outcome", "final"),
    [
        ("AUTH", "535 no", "sign_in_refused", True),
        ("RCPT", "550 nobody", "recipients_refused", True),
        ("RCPT", "450 later", "recipients_refused", False),
        ("MAIL", "451 later", "451", False),
        ("DATA", "554 no", "554", True),
    ],
)
async def test_a_refusal_is_for_good_or_for_now(
    server: Server, word: str, answer: str, outcome: str, final: bool
) -> None:
    server.refusals[word] = answer

    with pytest.raises(DeliveryFailed) as failed:
        await send(server, user="u", password="p")

    assert (failed.value.outcome, failed.value.final) == (outcome, final)


async def test_a_server_without_the_encryption_asked_for_gets_no_letter(server: Server) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        await send(server, security="starttls")

    assert (failed.value.outcome, failed.value.final) == ("unreachable", False)
    assert server.letters == []


async def test_a_server_that_is_away_is_tried_again() -> None:
    nobody = Server()
    nobody.port = 1

    with pytest.raises(DeliveryFailed) as failed:
        await send(nobody)

    assert (failed.value.outcome, failed.value.final) == ("unreachable", False)
