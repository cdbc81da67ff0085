"""What the connections of the load generator say as pages whose players report CMCD."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import zstandard

from bench.scripts import Script

DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
PLAYERS = ("hlsjs", "dashjs")
LINES = 20  # of one post
SESSIONS = 20  # of one connection: it reports them in turn
MS_PER_POST = 10_000


def recorded_lines(player: str) -> list[str]:
    """Lines as the player said them."""
    packed = (DATA / f"cmcd-v2-events-{player}.jsonl.zst").read_bytes()
    text = zstandard.ZstdDecompressor().decompress(packed).decode()
    requests = [json.loads(line) for line in text.splitlines()]
    return [line for request in requests for line in request["body"].splitlines() if line]


def template(player: str) -> bytes:
    """A batch from the middle of a recorded session, with places for the number and the time of each line, and a session that is still to be named."""
    lines = recorded_lines(player)[12 : 12 + LINES]
    body = "".join(f"{line}\n" for line in lines).replace("%", "%%")
    body = re.sub(r'sid="[^"]*"', 'sid="{sid}"', body)
    return re.sub(r"sn=\d+,(.*?)ts=\d+", r"sn=%d,\1ts=%d", body).encode()


class Page(Script):
    """Batches of its sessions, one after the other; numbers and times go on as they do in a player."""

    def __init__(self, key: str, number: int) -> None:
        super().__init__()
        self._head = (
            f"POST /v1/cmcd/{key} HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://app.example\r\n"
            "Content-Type: application/cmcd\r\nContent-Length: "
        ).encode()
        made = [template(player) for player in PLAYERS]
        self._sessions = [
            made[(number + n) % len(made)].replace(b"{sid}", str(uuid4()).encode())
            for n in range(SESSIONS)
        ]
        self._turn, self._began_ms = 0, int(time.time() * 1000) - 3_600_000

    def request(self) -> bytes:
        turn, at = self._turn, self._turn // SESSIONS
        self._turn += 1
        sn, ts_ms, step_ms = at * LINES, self._began_ms + at * MS_PER_POST, MS_PER_POST // LINES
        values = [one for n in range(LINES) for one in (sn + n, ts_ms + n * step_ms)]
        body = self._sessions[turn % SESSIONS] % tuple(values)
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)


async def lines(order: dict[str, Any]) -> list[Script]:
    """Every connection reports sessions of its own."""
    return [Page(order["key"], number) for number in range(order["connections"])]


SCRIPTS = {"cmcd": lines}
