"""GET /conferences/<id>/diagnosis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from signalbox.http.answers import Answer, Instant, json_answer, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.queries.diagnoses import diagnoses, names
from signalbox.monitoring.queries.refusals import ConferenceMissing
from signalbox.monitoring.routes.given import GivenActor, GivenDb
from signalbox.monitoring.routes.shapes import Json, printable
from signalbox.monitoring.rules.diagnosis import with_names


class Diagnosed(msgspec.Struct, kw_only=True):
    """The most likely cause: network, relay, server, device, permission, browser or none, whose (`culprit`, a participant) if it is somebody's alone,
    a score from 0 to 100 with its parts, and the events and issues that it rests on. `participant` is null for the conference."""

    conference: UUID
    participant: UUID | None
    participant_name: str | None
    cause: str
    culprit: UUID | None
    sentence: str
    score: int | None
    parts: Json
    events: list[UUID]
    issues: list[UUID]
    version: int
    computed_at: Instant


class ConferenceDiagnosis(msgspec.Struct, kw_only=True):
    """`conference` is null until the worker has looked at it."""

    conference: Diagnosed | None
    participants: list[Diagnosed]


@get(
    "/conferences/{conference_id:uuid}/diagnosis",
    responses=one_of(ConferenceDiagnosis),
    summary="Why a conference was bad",
)
async def get_diagnosis(db: GivenDb, actor: GivenActor, conference_id: FromPath[UUID]) -> Answer:
    """What was most likely wrong, for the conference and for each participant."""
    async with db.read() as tx:
        if await queries.first(tx, queries.conferences(actor), conference_id) is None:
            raise ConferenceMissing
        rows = await diagnoses(tx, actor, conference_id)
        called = await names(tx, actor, conference_id)
    made = [_diagnosed(row, called) for row in rows]
    whole = next((one for one in made if one.participant is None), None)
    people = [one for one in made if one.participant is not None]
    return json_answer({"data": ConferenceDiagnosis(conference=whole, participants=people)})


def _diagnosed(row: Mapping[Any, Any], called: Mapping[str, str]) -> Diagnosed:
    return Diagnosed(**{**printable(row), "sentence": with_names(row["sentence"], called)})


HANDLERS = (get_diagnosis,)
