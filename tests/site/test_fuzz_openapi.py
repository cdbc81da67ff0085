"""Whatever is sent to any documented route, the answer is a documented one and never a 5xx.

Schemathesis makes the requests, right ones and wrong ones, from the document that we publish; ids, keys
and tokens are often those of a real call, so that more than the first check is reached.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, given
from schemathesis import APIOperation, Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as conformance

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from tests.monitoring.conftest import House, Houses, houses

__all__ = ["houses"]  # a fixture of the neighbours

Request = Case[Any]
REAL = 0.8  # share of known names that get a real value
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
EXAMPLES = 10  # for each route, right and wrong
CHECKS = [
    not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
]
ENDLESS = {
    "/v1/live"
}  # a right request is answered for ever; tests/monitoring/live has the wrong ones
EVENTS = (
    "addConnection", "removeConnection", "removePeer", "peerDetails", "onicecandidate", "icecandidateerror", "onconnectionstatechange",
    "oniceconnectionstatechange", "onsignalingstatechange", "onicegatheringstatechange", "onnegotiationneeded", "getUserMedia",
    "unload", "beforeunload", "endCall", "tabFocus", "mediaDeviceChange", "custom", "ondatachannel",
)  # fmt: skip


class World:
    """A real call, a key that may do everything, and the published document."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.values: dict[str, list[Any]] = {}
        self.headers: dict[str, str] = {}
        self.accepted = 0

    async def build(self) -> None:
        app = await self.house.app()
        at, organization = self.house.clock.now(), app["organization_id"]
        _, key = await accounts.create_key(
            self.house.db, organization_id=organization, name="fuzz", scopes=["read", "manage"], by=SYSTEM, at=at
        )  # fmt: skip
        self.headers = {"Authorization": f"Bearer {key}"}
        entry = {"apiKey": app["api_key"], "conferenceId": "c", "userId": "alice"}
        init = (await self.post("/v1/initialize", entry))["token"]
        token = (await self.post("/v1/sessions", {"token": init}))["token"]
        add = {"token": token, "eventName": "addConnection", "peerId": "bob"}
        ends = await self.post("/v1/connection", add)
        self.values = {
            "apiKey": [app["api_key"]],
            "token": [token, init],
            "peerId": [ends["peer_id"], "carol"],
            "connectionId": [ends["connection_id"]],
            "eventName": list(EVENTS),
            "event": ["ontrack", "mute", "unmute", "ended"],
            "appId": [str(app["id"])],
            "app_id": [str(app["id"])],
            "organization": [str(organization)],
            "organization_id": [str(organization)],
            "conferenceId": ["c"],
            "limit": [1, 50],
            "offset": [0, 1],
            "order": ["asc", "desc", "created_at", "-created_at"],
            "created_at_gte": ["2026-03-01", "2026-03-02T09:00:00Z"],
            "created_at_lte": ["2026-03-03"],
            "type": ["stats", "S", "warning"],
        }
        for thing in ("conferences", "participants", "sessions", "connections"):
            answer = await self.house.client.get(
                f"/v1/{thing}", params={"appId": str(app["id"])}, headers=self.headers
            )
            ids = [row["id"] for row in answer.json()["data"]]
            self.values[f"{thing[:-1]}_id"] = ids
            if thing != "connections":
                self.values.setdefault(f"{thing[:-1]}Id", []).extend(ids)

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = await self.house.client.post(path, json=dict(body))
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
async def requests(houses: Houses) -> list[Request]:
    """All that will be asked: made before, since making it takes the processor from the site for seconds."""
    async with houses() as house:
        document = (await house.client.get("/openapi.json")).json()
    operations = []
    for result in openapi.from_dict(document).get_all_operations():
        assert isinstance(result, Ok), result
        operations.append(result.ok())
    operations = [operation for operation in operations if operation.path not in ENDLESS]
    # What takes the real ids and keys away comes last.
    operations.sort(key=lambda operation: (operation.method == "delete", "reset" in operation.path))
    return [case for operation in operations for mode in MODES for case in cases(operation, mode)]


@pytest.fixture(scope="module")
async def world(houses: Houses, requests: list[Request]) -> AsyncIterator[World]:
    async with houses() as house:
        made = World(house)
        await made.build()
        yield made


def enriched(case: Request, world: World, dice: random.Random) -> Request:
    """The same request with real ids, keys and tokens in most of the places where it has made-up ones."""
    for part in (case.path_parameters, case.query, case.body):
        if not isinstance(part, dict):
            continue
        for name in list(part):
            known = world.values.get(name)
            if known and dice.random() < REAL:
                part[name] = dice.choice(known)
            elif part is case.query and dice.random() < REAL:
                del part[name]
    return case


def cases(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> list[Request]:
    """The same requests every time."""
    made: list[Request] = []

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def collect(case: Request) -> None:
        made.append(case)

    try:
        collect()
    except hypothesis.errors.Unsatisfiable:
        assert mode == GenerationMode.NEGATIVE  # nothing can be wrong with a request without parts
    return made


async def send(world: World, case: Request) -> str | None:
    """What is wrong with the answer, None if nothing."""
    request = case.as_transport_kwargs(base_url="http://signalbox.test", headers=world.headers)
    request = {name: value for name, value in request.items() if value is not None}
    content = request.pop("data", None)
    request.pop("cookies", None)
    try:
        answer = await world.house.client.request(
            **request, content=content.encode() if isinstance(content, str) else content
        )
    except (httpx.InvalidURL, UnicodeEncodeError, httpx.LocalProtocolError):
        return None  # cannot be put on the wire
    world.accepted += answer.status_code == 200
    try:
        case.validate_response(answer, checks=CHECKS)
    except BaseExceptionGroup as group:
        told = "; ".join(str(error).splitlines()[0] for error in group.exceptions)
        return (
            f"{told}: {answer.status_code} {answer.text[:200]}\n    {case.as_curl_command()[:600]}"
        )
    return None


async def test_every_route_answers_as_documented(world: World, requests: list[Request]) -> None:
    dice = random.Random(1)
    faults = [await send(world, enriched(case, world, dice)) for case in requests]
    wrong = [fault for fault in faults if fault]

    assert len(requests) > 500
    assert world.accepted > 100, "too little of it was right enough to reach far"
    assert not wrong, f"{len(wrong)} of {len(requests)}:\n" + "\n".join(wrong[:20])
