"""DELETE /participants/<id>, GET /erasures/<id>."""

from __future__ import annotations

from uuid import UUID

import msgspec
from litestar import delete, get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from signalbox.http.answers import Answer, Refusal, Whole, json_answer, one_of, printed
from signalbox.monitoring import service
from signalbox.monitoring.queries import erasures
from signalbox.monitoring.queries.refusals import ErasureMissing
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb


class ErasureItem(msgspec.Struct, kw_only=True):
    """An erasure; `done_at` is null while the worker is at it."""

    id: UUID
    participant: UUID
    requested_at: str
    done_at: str | None


_taken = ResponseSpec(Whole[ErasureItem], generate_examples=False, description="It has begun.")
_forbidden = ResponseSpec(Refusal, generate_examples=False, description="Owners only.")
_responses = {status: spec for status, spec in one_of(ErasureItem).items() if status != 200}


@delete(
    "/participants/{participant_id:uuid}",
    status_code=202,
    responses={202: _taken, 403: _forbidden, **_responses},
    summary="Erase a participant",
)
async def erase_participant(
    db: GivenDb, actor: GivenActor, clock: GivenClock, participant_id: FromPath[UUID]
) -> Answer:
    """Take a person out of everything that is stored; owners only. Id and name go at once, the rest within a minute or so. It cannot be undone."""
    row = await service.erase_participant(db, participant_id, by=actor, at=clock.now())
    answer = json_answer({"data": _shown(row)})
    answer.status_code = 202
    return answer


@get("/erasures/{erasure_id:uuid}", responses=one_of(ErasureItem), summary="One erasure")
async def get_erasure(db: GivenDb, actor: GivenActor, erasure_id: FromPath[UUID]) -> Answer:
    """Whether an erasure is done."""
    async with db.read() as tx:
        row = await erasures.erasure(tx, actor, erasure_id)
    if row is None:
        raise ErasureMissing
    return json_answer({"data": _shown(row)})


def _shown(row: erasures.ErasureRow) -> ErasureItem:
    return ErasureItem(
        id=row.id,
        participant=row.participant,
        requested_at=printed(row.requested_at),
        done_at=None if row.done_at is None else printed(row.done_at),
    )


HANDLERS = (erase_participant, get_erasure)
