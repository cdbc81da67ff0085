"""Entering and leaving a conference: the routes that take an API key or an init token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from signalbox.core.errors import AppError
from signalbox.core.ids import new_id
from signalbox.http.peers import header
from signalbox.monitoring.errors import (
    AppNotRecording,
    ConferenceNotFound,
    InvalidApiKey,
    MissingParameters,
    ParticipantNotFound,
    QuotaExceeded,
)
from signalbox.monitoring.ingest.parts import Call, Parts, check_origin, json_part, limit, mask_body
from signalbox.monitoring.ingest.places import place_of
from signalbox.monitoring.rules.identities import AppFacts, SessionKey
from signalbox.monitoring.store.messages import Initialize, StartSession, StopConference
from signalbox.monitoring.wire import Body, delta_ms, exact_text, meta

T = TypeVar("T")
_encode = msgspec.json.Encoder(enc_hook=str).encode


class Entering:
    """The doors before a session exists."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def initialize(self, call: Call) -> bytes:
        """POST /initialize: conference and participant, and a token to enter."""
        body = call.body
        given = await self._told(call, _entry)
        app = await self._recording_app(call)
        made = Initialize(
            app=app.id, organization=app.organization, conference_id=given["conferenceId"] or "", conference_name=given["conferenceName"],
            participant_id=given["userId"] or "", participant_name=given["userName"],
            at_us=call.received_us - round(delta_ms(body.delta) * 1000),
        )  # fmt: skip
        conference, participant = await self._parts.writer.commit_fact(made)
        self._parts.identities.remember_conference(conference, app.id)
        answer = {
            "token": self._parts.tokens.make_init(participant, conference, at=call.at),
            "getStatsInterval": app.interval_ms,
            "batchConnectionEvents": False,
            "time": call.at.timestamp(),
        }
        return _encode(answer)

    async def _told(self, call: Call, tell: Callable[[Body], T]) -> T:
        """What a body says. One that says nothing usable is of no app, and counts too."""
        try:
            return tell(call.body)
        except AppError:
            await limit(self._parts, call, "unknown")
            raise

    async def _app(self, call: Call) -> AppFacts:
        key = call.body.apiKey
        if not isinstance(key, str):
            await limit(self._parts, call, "unknown")
            raise InvalidApiKey(field="apiKey")
        try:
            app = await self._parts.identities.app(key)
        except InvalidApiKey:
            await limit(self._parts, call, "unknown")
            raise
        await limit(self._parts, call, app.id.hex)
        return app

    async def _recording_app(self, call: Call) -> AppFacts:
        app = await self._app(call)
        if not app.recording:
            raise AppNotRecording()
        _check_entry(call, app, required=True)
        return app

    async def start(self, call: Call) -> bytes:
        """POST /sessions: a participant is there. A token may be old, so its app is asked for again."""
        body, parts = call.body, self._parts
        try:
            claims = parts.tokens.init(body.token, at=call.at)
        except AppError:
            await limit(parts, call, "unknown")
            raise
        app = await parts.identities.app_of_conference(claims.c)
        await limit(parts, call, app.id.hex)
        _check_entry(call, app, required=False)
        mask_body(body, app, parts.settings)
        session = StartSession(
            id=new_id(), conference=claims.c, participant=claims.p, at_us=call.received_us - round(delta_ms(body.delta) * 1000),
            platform=json_part(body.platform, "platform"), constraints=json_part(body.constraints, "constraints"),
            devices=json_part(body.devices, "devices", most=None), metadata=meta(body.meta), geo=place_of(call, parts),
            app_version=exact_text(body.appVersion, "appVersion", limit=16), webrtc_sdk=_sdk(body.webrtcSdk),
        )  # fmt: skip
        made: SessionKey = await parts.writer.commit_fact(session)
        parts.identities.remember(made)
        return _encode({"token": parts.tokens.make_session(made.id, at=call.at)})

    async def page_url(self, call: Call) -> bytes:
        """POST /services/get-url: where the dashboard shows a conference or participant."""
        conference, participant = await self._told(call, _page)
        app = await self._app(call)
        found = await self._parts.identities.page(app.id, conference, participant)
        if found is None:
            raise (
                ConferenceNotFound(field="conferenceId")
                if conference
                else ParticipantNotFound(field="userId")
            )
        kind = "conference" if conference else "participant"
        return _encode({"url": f"https://{self._host(call)}/{kind}/{found}"})

    def _host(self, call: Call) -> str:
        return self._parts.web_host or header(call.scope, b"host") or "localhost"

    async def stop(self, call: Call) -> bytes:
        """POST /services/stop-conference: the application ends a conference."""
        conference = await self._told(call, _stopped)
        app = await self._app(call)
        await self._parts.writer.commit_fact(
            StopConference(app=app.id, conference_id=conference, at_us=call.received_us)
        )
        return b"{}"


def _check_entry(call: Call, app: AppFacts, *, required: bool) -> None:
    """Whether anybody may enter now: from this page, and within the quota. Calls that run are not cut off."""
    check_origin(call, app, required=required)
    if app.quota_used_up:
        raise QuotaExceeded()


def _entry(body: Body) -> dict[str, str | None]:
    """Who enters where, by the names of the fields; the ids are never None."""
    fields = {"conferenceId": body.conferenceId, "userId": body.userId}
    names = {"conferenceName": body.conferenceName, "userName": body.userName}
    given = {name: _text(value, name) for name, value in (fields | names).items()}
    if body.apiKey in (None, "") or not all(given[name] for name in fields):
        raise MissingParameters(field=_first_missing(body.apiKey, given))
    return given


def _page(body: Body) -> tuple[str | None, str | None]:
    """Conference and participant whose page is looked for; one of them is None at most."""
    if body.apiKey in (None, ""):
        raise MissingParameters(field="apiKey")
    conference, participant = _text(body.conferenceId, "conferenceId"), _text(body.userId, "userId")
    if conference is None and participant is None:
        raise MissingParameters(field="conferenceId")
    return conference, participant


def _stopped(body: Body) -> str:
    """The conference that is to end."""
    conference = _text(body.conferenceId, "conferenceId")
    if body.apiKey in (None, "") or conference is None:
        raise MissingParameters(field="conferenceId" if body.apiKey else "apiKey")
    return conference


def _first_missing(api_key: object, given: dict[str, Any]) -> str:
    if api_key in (None, ""):
        return "apiKey"
    return "conferenceId" if not given["conferenceId"] else "userId"


def _text(value: object, field: str) -> str | None:
    return exact_text(value, field, limit=64)


def _sdk(value: object) -> str | None:
    """Kept empty when it comes empty: then no integration is used."""
    return "" if value == "" else exact_text(value, "webrtcSdk", limit=16)
