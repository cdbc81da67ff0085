"""Rules and channels of an app, and trying them out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import delete, get, post, put
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from signalbox.alerts.errors import InvalidParameters, MissingParameters
from signalbox.alerts.routes import shapes
from signalbox.alerts.routes.given import (
    AnyRequest,
    GivenActor,
    GivenChannels,
    GivenClock,
    GivenDb,
    instant_of,
)
from signalbox.alerts.service import writing
from signalbox.alerts.service.looking_back import backtest
from signalbox.http.answers import Answer, json_answer, list_of, one_of
from signalbox.http.fields import fields_of, given, needed

_NOTHING: Any = {
    200: ResponseSpec(str, generate_examples=False, description="Done: the empty text.")
}


@get("/apps/{app_id:uuid}/rules", responses=list_of(shapes.RuleItem), summary="Rules of an app")
async def list_rules(db: GivenDb, actor: GivenActor, app_id: FromPath[UUID]) -> Answer:
    """Every rule that holds: the built-in ones, as they are or as they were changed, and the app's own."""
    found = await writing.rules_of(db, app_id, by=actor)
    return json_answer({"data": [shapes.rule_item(one) for one in found]})


@post(
    "/apps/{app_id:uuid}/rules",
    status_code=200,
    responses=one_of(shapes.RuleItem),
    summary="Add a rule",
    request_max_body_size=None,
)
async def create_rule(
    request: AnyRequest, db: GivenDb, actor: GivenActor, clock: GivenClock, app_id: FromPath[UUID]
) -> Answer:
    """Add a rule over any figure: the `definition`, and whether it is `enabled`."""
    fields = await fields_of(request)
    enabled = given(fields, "enabled", bool)
    made = await writing.create_rule(
        db,
        app_id,
        needed(fields, "definition", dict),
        enabled=enabled is not False,
        by=actor,
        at=clock.now(),
    )
    return json_answer({"data": shapes.rule_item(made)})


@get(
    "/apps/{app_id:uuid}/rules/{rule_id:str}",
    responses=one_of(shapes.RuleItem),
    summary="A rule",
)
async def get_rule(
    db: GivenDb, actor: GivenActor, app_id: FromPath[UUID], rule_id: FromPath[str]
) -> Answer:
    """One rule of an app."""
    async with db.read() as tx:
        await writing.seen_app(tx, actor, app_id)
        found = await writing.rule_named(tx, actor, app_id, rule_id)
    return json_answer({"data": shapes.rule_item(found)})


@put(
    "/apps/{app_id:uuid}/rules/{rule_id:str}",
    responses=one_of(shapes.RuleItem),
    summary="Change a rule",
    request_max_body_size=None,
)
async def update_rule(
    request: AnyRequest,
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
    rule_id: FromPath[str],
) -> Answer:
    """Change fields of a `definition`, or whether it is `enabled`. Of a built-in rule this holds for this app alone."""
    fields = await fields_of(request)
    found = await writing.update_rule(
        db,
        app_id,
        rule_id,
        given(fields, "definition", dict) or {},
        enabled=given(fields, "enabled", bool),
        by=actor,
        at=clock.now(),
    )
    return json_answer({"data": shapes.rule_item(found)})


@delete(
    "/apps/{app_id:uuid}/rules/{rule_id:str}",
    status_code=200,
    responses={**one_of(shapes.RuleItem), **_NOTHING},
    summary="Take a rule away",
)
async def delete_rule(
    db: GivenDb,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
    rule_id: FromPath[str],
) -> Answer:
    """Take an own rule away; a built-in one becomes as it was made. Its open alerts are closed with the next look."""
    await writing.delete_rule(db, app_id, rule_id, by=actor, at=clock.now())
    return json_answer("")


@post(
    "/apps/{app_id:uuid}/backtest",
    status_code=200,
    responses=one_of(shapes.BacktestResult),
    summary="Try a rule on what was",
    request_max_body_size=None,
)
async def run_backtest(
    request: AnyRequest, db: GivenDb, actor: GivenActor, clock: GivenClock, app_id: FromPath[UUID]
) -> Answer:
    """When a rule would have opened and closed between `from` and `to` (now without): a `rule` by its id, with the fields of `definition` changed, or a whole
    `definition`. With `cohorts` true its largest cohorts are looked at, too. 31 days at most, 2 for quantiles and means."""
    fields = await fields_of(request)
    name, changes = given(fields, "rule", str), given(fields, "definition", dict)
    if name is None and changes is None:
        raise MissingParameters(parameter="definition")
    begin = instant_of(needed(fields, "from", str), "from")
    end = instant_of(given(fields, "to", str), "to") or clock.now()
    if begin is None or end > clock.now():
        raise InvalidParameters(field="to")
    async with db.read() as tx:
        await writing.seen_app(tx, actor, app_id)
        known = await writing.rule_named(tx, actor, app_id, name) if name is not None else None
    rule = writing.rule_from(changes or {}, known.rule if known else None)
    found = await backtest(
        db,
        app_id,
        rule,
        begin=begin,
        end=end,
        every_cohort=given(fields, "cohorts", bool) is True,
        by=actor,
    )
    return json_answer({"data": shapes.backtest_result(found)})


@get(
    "/apps/{app_id:uuid}/channels",
    responses=list_of(shapes.ChannelItem),
    summary="Who is told of an app's alerts",
)
async def list_channels(db: GivenDb, actor: GivenActor, app_id: FromPath[UUID]) -> Answer:
    """Webhooks and e-mail addresses, the oldest first."""
    rows = await writing.channels_of(db, app_id, by=actor)
    return json_answer({"data": [shapes.channel_item(row) for row in rows]})


@post(
    "/apps/{app_id:uuid}/channels",
    status_code=200,
    responses=one_of(shapes.ChannelItem),
    summary="Add a channel",
    request_max_body_size=None,
)
async def create_channel(
    request: AnyRequest,
    channels: GivenChannels,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
) -> Answer:
    """`kind` webhook: an http address as `target` and the `secret` that posts are signed with; `kind` email: addresses parted by commas."""
    fields = await fields_of(request)
    row = await channels.create(
        app_id,
        kind=needed(fields, "kind", str),
        name=given(fields, "name", str) or "",
        target=needed(fields, "target", str),
        secret=given(fields, "secret", str),
        enabled=given(fields, "enabled", bool) is not False,
        by=actor,
        at=clock.now(),
    )
    return json_answer({"data": shapes.channel_item(row)})


@put(
    "/apps/{app_id:uuid}/channels/{channel_id:uuid}",
    responses=one_of(shapes.ChannelItem),
    summary="Change a channel",
    request_max_body_size=None,
)
async def update_channel(
    request: AnyRequest,
    channels: GivenChannels,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
    channel_id: FromPath[UUID],
) -> Answer:
    """Another `name` or `target`, or whether it is `enabled`."""
    fields = await fields_of(request)
    row = await channels.update(
        app_id,
        channel_id,
        name=given(fields, "name", str),
        target=given(fields, "target", str),
        enabled=given(fields, "enabled", bool),
        by=actor,
        at=clock.now(),
    )
    return json_answer({"data": shapes.channel_item(row)})


@delete(
    "/apps/{app_id:uuid}/channels/{channel_id:uuid}",
    status_code=200,
    responses={**one_of(shapes.ChannelItem), **_NOTHING},
    summary="Take a channel away",
)
async def delete_channel(
    channels: GivenChannels,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
    channel_id: FromPath[UUID],
) -> Answer:
    """It is told nothing more."""
    await channels.delete(app_id, channel_id, by=actor, at=clock.now())
    return json_answer("")


@post(
    "/apps/{app_id:uuid}/channels/{channel_id:uuid}/test",
    status_code=200,
    responses=one_of(shapes.Queued),
    summary="Send a test message",
    request_max_body_size=None,
)
async def run_channel_test(
    channels: GivenChannels,
    actor: GivenActor,
    clock: GivenClock,
    app_id: FromPath[UUID],
    channel_id: FromPath[UUID],
) -> Answer:
    """Queue a message with an alert that never was."""
    message = await channels.test(app_id, channel_id, by=actor, at=clock.now())
    return json_answer({"data": shapes.Queued(message=message)})


HANDLERS = (
    list_rules,
    create_rule,
    get_rule,
    update_rule,
    delete_rule,
    run_backtest,
    list_channels,
    create_channel,
    update_channel,
    delete_channel,
    run_channel_test,
)
