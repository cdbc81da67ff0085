"""Sends the steps of calls to the public API, at once with `delta`, or in real time."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from signalbox.site.demo.steps import Call, Step
from signalbox.site.demo_pass import HEADER, LIFE_S, is_loopback, make_pass

PATIENCE_S: Final = 120.0  # how long a server may be busy before we give up
TIMEOUT_S: Final = 20.0


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


class Player:
    """One API root and one app."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        *,
        told: Callable[[], None],
        secret: str | None = None,
    ) -> None:
        """`secret` is this installation's, for passes; it is used only towards this machine."""
        self._http, self._url, self._told = http, url.rstrip("/"), told
        self._kept_pass, self._renew_at = "", 0.0
        self._secret = secret if is_loopback(urlsplit(self._url).hostname or "") else None

    async def back_in_time(self, call: Call, started_at: float) -> None:
        """Play a call as if it had begun at the Unix time `started_at`, as fast as the server answers."""
        learned: dict[str, str] = {}
        for step in call.steps:
            await self._send(step, learned, happened_at=started_at + step.at_s)

    async def live(self, call: Call, stop: asyncio.Event) -> None:
        """Play a call in real time; on `stop` every session is closed."""
        learned: dict[str, str] = {}
        began = time.monotonic()
        for step in call.steps:
            if await stopped_within(stop, began + step.at_s - time.monotonic()):
                break
            await self._send(step, learned, happened_at=None)
        else:
            return
        await self._hang_up(learned)

    async def _hang_up(self, learned: dict[str, str]) -> None:
        for mark, token in learned.items():
            if "session" in mark:
                text = json.dumps({"eventName": "endCall", "token": token})
                await self._send(Step(0.0, "POST", "/events/browser", text), {}, happened_at=None)

    async def _send(
        self, step: Step, learned: dict[str, str], *, happened_at: float | None
    ) -> None:
        text = step.body
        for mark, value in learned.items():
            text = text.replace(mark, value)
        give_up = time.monotonic() + PATIENCE_S
        while True:
            status, answer, wait_s = await self._post(step, _delayed(text, happened_at))
            if status not in (429, 503):
                break
            if time.monotonic() + wait_s > give_up:
                raise DemoError(f"{self._url} is too busy: it has refused for {PATIENCE_S:.0f} s.")
            await asyncio.sleep(wait_s)
        if status >= 300:
            raise DemoError(self._explain(step, status, answer))
        for name, mark in step.learns.items():
            if isinstance(answer, dict) and isinstance(answer.get(name), str):
                learned[mark] = answer[name]
        self._told()

    async def _post(self, step: Step, text: str) -> tuple[int, Any, float]:
        headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": self._url}
        if self._secret is not None:
            headers |= step.headers | {HEADER: self._pass()}
        try:
            async with self._http.request(
                step.method, f"{self._url}/v1{step.path}", data=text.encode(), headers=headers
            ) as response:
                raw = await response.read()
                wait = response.headers.get("Retry-After", "1")
                return response.status, _decoded(raw), float(wait) if wait.isdigit() else 1.0
        except (aiohttp.InvalidURL, ValueError):
            raise DemoError(
                f"{self._url} is no address of a server, such as http://127.0.0.1:8000."
            ) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise DemoError(
                f"No Signalbox answers at {self._url} ({type(error).__name__}). Start it with `signalbox up`, or name it with --url."
            ) from None

    def _pass(self) -> str:
        """A pass that is good for some time yet."""
        now = time.monotonic()
        if self._secret is not None and now >= self._renew_at:
            self._kept_pass = make_pass(self._secret, at=datetime.now(UTC))
            self._renew_at = now + LIFE_S / 3
        return self._kept_pass

    def _explain(self, step: Step, status: int, answer: Any) -> str:
        code = answer.get("error_code") if isinstance(answer, dict) else None
        known = {
            "invalid_api_key": "does not know this API key. `signalbox app list` shows the keys; name one with --api-key.",
            "app_not_recording": "has paused recording for this app. Switch it on again, or name another app's key with --api-key.",
            "domain_not_allowed": "accepts calls for this app only from its own domain. Name another app's key with --api-key.",
            "quota_exceeded": "has used up this app's participant minutes. Name another app's key with --api-key.",
        }
        if code in known:
            return f"{self._url} {known[code]}"
        return f"{self._url} refused {step.method} {step.path}: {status} {code or 'without a reason: is it a Signalbox?'}"


def _delayed(text: str, happened_at: float | None) -> str:
    if happened_at is None:
        return text
    return f'{{"delta":{max(0.0, (time.time() - happened_at) * 1000):.0f},{text[1:]}'


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


async def stopped_within(stop: asyncio.Event, seconds: float) -> bool:
    """Wait for so long; whether it was to stop meanwhile."""
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        return False
    return True
