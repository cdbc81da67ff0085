"""GET /issues, /issues/<id>."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from signalbox.http.answers import Answer, list_of, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.errors import MissingParameters
from signalbox.monitoring.queries import Traits
from signalbox.monitoring.queries.refusals import IssueMissing
from signalbox.monitoring.routes import filters, shapes
from signalbox.monitoring.routes.answers import listing, single
from signalbox.monitoring.routes.given import GivenActor, GivenDb, GivenOrder, GivenPage, GivenSpan


@get("/issues", responses=list_of(shapes.Issue), summary="Issues")
async def list_issues(
    db: GivenDb,
    actor: GivenActor,
    page: GivenPage,
    newest: GivenOrder,
    span: GivenSpan,
    traits: NamedDependency[Traits],
    app_id: filters.AppId = None,
    conference_id: filters.ConferenceId = None,
    participant_id: filters.ParticipantId = None,
    session_id: filters.SessionId = None,
    code: Annotated[str | None, QueryParameter(description="issue code")] = None,
    kind: filters.Kind = None,
) -> Answer:
    """Issues with title and explanation. Filters on their sessions need `appId`."""
    ids = {
        "app_id": filters.uuid_of(app_id, "appId"),
        "conference_id": filters.uuid_of(conference_id, "conferenceId"),
        "participant_id": filters.uuid_of(participant_id, "participantId"),
        "session_id": filters.uuid_of(session_id, "sessionId"),
    }
    text = filters.text_of(code, "code")
    which = filters.kind_of(kind, "type")
    filters.require_some(*ids.values(), text, which, span, traits or None)
    async with db.read() as tx:
        await queries.require_known(tx, actor, **ids)
    question = queries.issues(actor, code=text, kind=which, span=span, **ids)
    if traits:
        if ids["app_id"] is None:
            raise MissingParameters(field="appId")
        question = queries.issues_of_sessions(question, ids["app_id"], traits)
    return await listing(db, question, shapes.issue, page, newest=newest, by_index=bool(traits))


@get("/issues/{issue_id:uuid}", responses=one_of(shapes.Issue), summary="One issue")
async def get_issue(db: GivenDb, actor: GivenActor, issue_id: FromPath[UUID]) -> Answer:
    """An issue with title and explanation."""
    return await single(db, queries.issues(actor), issue_id, shapes.issue, IssueMissing)


HANDLERS = (list_issues, get_issue)
