"""A scene in which doors refuse, and how to ask them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.monitoring.conftest import House, Houses
from tests.monitoring.pages import DOORS, Page

OWN_PAGES = "https://dash.example.org"
WITH_KEY = [door for door in DOORS if door[1] == "/v1/initialize" or "services" in door[1]]
WITH_TOKEN = [door for door in DOORS if door not in WITH_KEY]
WITH_SESSION = [door for door in WITH_TOKEN if door != ("POST", "/v1/sessions")]

Doors = list[tuple[str, str]]
Answers = list[httpx.Response]


@dataclass(frozen=True)
class Scene:
    """A page in a call, sites of other kinds on the same database, and an owner's key for reading."""

    house: House
    houses: Houses
    far: House  # another process: it has not seen any of it
    app: Mapping[Any, Any]
    page: Page
    owner: dict[str, str] = field(repr=False)

    async def post(self, path: str, body: Mapping[str, Any], **head: str) -> Answers:
        """One POST of JSON."""
        return [await self.house.client.post(f"/v1{path}", json=body, headers=head)]

    async def send(self, method: str, path: str, body: object, **head: str) -> Answers:
        """One request; a body that is no bytes becomes JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return [await self.house.client.request(method, path, content=content, headers=head)]

    async def read(self, path: str, **params: str) -> Answers:
        """One GET as the owner, from our own pages."""
        head = self.owner | {"origin": OWN_PAGES}
        return [await self.house.client.get(f"/v1{path}", params=params, headers=head)]

    async def good(self, path: str, method: str = "POST", **changes: Any) -> Answers:
        """A body that the door would take, with changes; None stands for leaving the field out."""
        body = self.page.good(method, f"/v1{path}") | changes
        kept = {name: value for name, value in body.items() if value is not ABSENT}
        return await self.send(method, f"/v1{path}", kept)


class _Absent:
    """A field that is not sent. Its name is stable, as the names of tests must be."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()
Ask = Callable[[Scene], Awaitable[Answers]]


@dataclass(frozen=True)
class Case:
    """A request that is refused."""

    name: str
    status: int
    code: str
    ask: Ask
    private: bool = False  # a reading route, whose answers only our own pages may read


def change(path: str, method: str = "POST", **changes: Any) -> Ask:
    """Sends a good body with changes."""
    return lambda scene: scene.good(path, method, **changes)


def body(method: str, path: str, content: bytes, **head: str) -> Ask:
    """Sends these bytes."""
    return lambda scene: scene.send(method, f"/v1{path}", content, **head)


def to(doors: Doors, **changes: Any) -> Ask:
    """Sends the good body of each of these doors, with changes."""
    return every(doors, lambda scene, method, path: scene.good(path[3:], method, **changes))


def every(doors: Doors, ask: Callable[[Scene, str, str], Awaitable[Answers]]) -> Ask:
    """Asks all of these doors."""

    async def asking(scene: Scene) -> Answers:
        return [answer for method, path in doors for answer in await ask(scene, method, path)]

    return asking
