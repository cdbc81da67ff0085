"""Sends the reports of made-up viewers to the public API, at once or in real time."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp

from signalbox.accounts import queries, service
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.errors import AppError
from signalbox.site.demo.player import PATIENCE_S, DemoError, stopped_within
from signalbox.site.demo.plays import REPORT_EVERY_S, Body, viewing
from signalbox.site.demo_pass import HEADER, is_loopback, make_pass

KEY_LIFE: Final = timedelta(days=1)
PATH: Final = "/v1/playback/sessions"


class Viewers:
    """The players of one app, with a key that may ingest."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        key: str,
        *,
        told: Callable[[], None],
        secret: str | None = None,
    ) -> None:
        """`secret` is this installation's, for passes; it is used only towards this machine."""
        self._http, self._url, self._key, self._told = http, url.rstrip("/"), key, told
        self._secret = secret if is_loopback(urlsplit(self._url).hostname or "") else None

    async def send(self, body: Body) -> None:
        """Send one report, again while the server is busy. Raises DemoError."""
        give_up = time.monotonic() + PATIENCE_S
        while True:
            status, text, wait_s = await self._post(body)
            if status not in (429, 503):
                break
            if time.monotonic() + wait_s > give_up:
                raise DemoError(f"{self._url} is too busy: it has refused for {PATIENCE_S:.0f} s.")
            await asyncio.sleep(wait_s)
        if status >= 300:
            raise DemoError(f"{self._url} refused a playback report: {status} {text[:200]}")
        self._told()

    async def send_all(self, bodies: Iterable[Body], side_by_side: int) -> None:
        """Send reports, several at the same time."""
        waiting = iter(bodies)

        async def work() -> None:
            for body in waiting:
                await self.send(body)

        await asyncio.gather(*(work() for _ in range(side_by_side)))

    async def watch(self, dice: random.Random, stop: asyncio.Event) -> None:
        """One viewer in real time: a report every 15 seconds, and one at the end."""
        one, started, said_ms = viewing(dice), time.time(), 0
        while True:
            elapsed_ms = min(round((time.time() - started) * 1000), one.duration_ms)
            events = one.events(started, said_ms, elapsed_ms)
            ended = elapsed_ms >= one.duration_ms
            if ended:
                events.append(one.event(started, elapsed_ms))
            await self.send(one.report(started, elapsed_ms, events))
            said_ms = elapsed_ms + 1
            if ended or stop.is_set():
                return
            left_s = one.duration_ms / 1000 - (time.time() - started)
            await stopped_within(stop, min(REPORT_EVERY_S, max(0.0, left_s)))

    async def _post(self, body: Body) -> tuple[int, str, float]:
        headers = {"X-API-Key": self._key, "Content-Type": "application/json"}
        if self._secret is not None:
            headers[HEADER] = make_pass(self._secret, at=datetime.now(UTC))
        try:
            async with self._http.post(
                f"{self._url}{PATH}", data=json.dumps(body).encode(), headers=headers
            ) as response:
                wait = response.headers.get("Retry-After", "1")
                text = await response.text()
                return response.status, text, float(wait) if wait.isdigit() else 1.0
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DemoError(
                f"No Signalbox answers at {self._url} ({type(error).__name__})."
            ) from None


@asynccontextmanager
async def key_of_app(database_url: str, name: str) -> AsyncIterator[str]:
    """A key with which players of the app of that name report, taken back at the end; it dies by itself after a day.

    Raises DemoError if there is no such app.
    """
    db = Database(database_url, pool_size=1)
    await db.open()
    try:
        async with db.read() as tx:
            apps = await queries.apps(tx, SYSTEM)
        app: UUID | None = next((app["id"] for app in apps if app["name"] == name), None)
        if app is None:
            raise DemoError(f"There is no app named `{name}`.")
        at = datetime.now(UTC)
        row, key = await service.create_key(
            db, app_id=app, scopes=["ingest"], name=f"demo {at:%H:%M}", expires_at=at + KEY_LIFE, by=SYSTEM, at=at
        )  # fmt: skip
        try:
            yield key
        finally:
            with suppress(AppError):
                await service.revoke_key(db, row["key_id"], by=SYSTEM, at=datetime.now(UTC))
    finally:
        await db.close()
