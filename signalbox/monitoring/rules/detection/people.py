"""Rules about participants and their devices: muted by the system, devices gone, hidden tabs, rejoining."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from signalbox.core.ids import derived_id
from signalbox.monitoring.rules.detection.observed import (
    Happening,
    ObservedConference,
    ObservedConnection,
    ObservedTrack,
    Stay,
)
from signalbox.monitoring.rules.detection.spells import SECOND, Rule, Spell
from signalbox.monitoring.settings import DetectionSettings as Limits

LEAVES = ("beforeunload", "unload", "endCall")
STOPPED = "stopConference"  # told by the application or by our sweep, not by the page


def muted_by_system(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """A local track gave nothing although nobody had switched it off: a `mute` of the source, not of the user (W3C Mediacapture, 4.3.1.1)."""
    stays = {stay.id: stay for stay in conference.stays}
    for track in _local(conference):
        stay = stays.get(track.session)
        if stay is None:
            continue
        began: Happening | None = None
        for happening in conference.of_track(track.id, "mute", "unmute", "ended"):
            if happening.type == "mute":
                began = began or happening
            elif began is not None:
                yield from _muted(stay, track, began, happening.at_us, limits, conference.now_us)
                began = None
        if began is not None:
            yield from _muted(stay, track, began, stay.end_us, limits, conference.now_us)


def _muted(
    stay: Stay, track: ObservedTrack, began: Happening, end_us: int | None, limits: Limits, now_us: int
) -> Iterator[Spell]:  # fmt: skip
    seconds = ((now_us if end_us is None else end_us) - began.at_us) / SECOND
    if seconds >= limits.muted_s:
        yield _track_spell(stay, track, began, end_us, seconds)


def device_vanished(conference: ObservedConference, _limits: Limits) -> Iterator[Spell]:
    """A local track ended by itself. One that the page stopped fires no event and is found by looking, which the data says."""
    stays = {stay.id: stay for stay in conference.stays}
    for track in _local(conference):
        stay = stays.get(track.session)
        for happening in conference.of_track(track.id, "ended"):
            was_stopped = isinstance(happening.data, dict) and happening.data.get("check")
            leaving = stay is not None and stay.end_us is not None
            if stay is None or was_stopped or (leaving and happening.at_us >= (stay.end_us or 0)):
                continue
            yield _track_spell(stay, track, happening, happening.at_us, None)


def _local(conference: ObservedConference) -> Iterator[ObservedTrack]:
    return (track for track in conference.tracks if track.direction == "outbound")


def _track_spell(
    stay: Stay, track: ObservedTrack, began: Happening, end_us: int | None, worst: float | None
) -> Spell:
    return Spell(
        about=track.id,
        start_us=began.at_us,
        end_us=end_us,
        session=stay.id,
        participant=stay.participant,
        connection=track.connection,
        track=track.id,
        worst=worst,
        events=(began.id,),
        more=(("kind", track.kind),),
    )


def page_vanished(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """A page with an open connection fell silent without a word of leaving, while the call went on for somebody else or was never ended."""
    for stay in conference.stays:
        if any(conference.of_session(stay.id, *LEAVES)):
            continue
        own = [
            one
            for one in conference.links_of(stay.id)
            if one.established and not _was_closed(conference, one)
        ]
        heard_us = last_heard(conference, stay.id)
        if not own or heard_us is None:
            continue
        silent_s = (conference.now_us - heard_us) / SECOND
        if silent_s >= limits.vanished_s:
            yield Spell(
                about=stay.id,
                start_us=heard_us,
                end_us=heard_us,
                session=stay.id,
                participant=stay.participant,
                events=tuple(event for one in own if (event := one.reports.get(one.last_us))),
            )


def last_heard(conference: ObservedConference, session: UUID) -> int | None:
    """When a session last reported anything; None when it never did."""
    told = [h.at_us for h in conference.of_session(session) if h.type != STOPPED]
    reported = [one.last_us for one in conference.links_of(session)]
    return max(told + reported, default=None)


def _was_closed(conference: ObservedConference, one: ObservedConnection) -> bool:
    """Whether the page itself closed the connection."""
    closed = conference.of_connection(one.id, "onconnectionstatechange", "removeConnection")
    return any(h.type == "removeConnection" or h.data == "closed" for h in closed)


def hidden_tab(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The page was in a hidden tab for long; browsers slow such pages down. `focus` true means hidden in this protocol."""
    for stay in conference.stays:
        began: Happening | None = None
        for happening in conference.of_session(stay.id, "tabFocus"):
            hidden = isinstance(happening.data, dict) and happening.data.get("focus") is True
            if hidden and began is None:
                began = happening
            elif not hidden and began is not None:
                yield from _hidden(stay, began, happening.at_us, limits, conference.now_us)
                began = None
        if began is not None:
            yield from _hidden(stay, began, stay.end_us, limits, conference.now_us)


def _hidden(
    stay: Stay, began: Happening, end_us: int | None, limits: Limits, now_us: int
) -> Iterator[Spell]:
    seconds = ((now_us if end_us is None else end_us) - began.at_us) / SECOND
    if seconds >= limits.hidden_s:
        yield Spell(
            about=stay.id,
            start_us=began.at_us,
            end_us=end_us,
            session=stay.id,
            participant=stay.participant,
            worst=seconds,
            events=(began.id,),
        )


def rejoin_loop(conference: ObservedConference, limits: Limits) -> Iterator[Spell]:
    """The same participant came into the same conference again and again within a short time."""
    stays: dict[UUID, list[Stay]] = {}
    for stay in conference.stays:
        stays.setdefault(stay.participant, []).append(stay)
    for person in conference.people:
        busiest = _busiest(stays.get(person.id, []), limits)
        if len(busiest) >= limits.rejoins:
            yield Spell(
                about=derived_id(conference.id, person.id),
                start_us=busiest[0].start_us,
                end_us=busiest[-1].start_us,
                session=busiest[-1].id,
                participant=person.id,
                worst=float(len(busiest)),
                events=tuple(
                    first.id
                    for stay in busiest
                    if (first := next(conference.of_session(stay.id), None)) is not None
                ),
            )


def _busiest(stays: list[Stay], limits: Limits) -> list[Stay]:
    """Those of the most that began within the time of a loop; the first ones of several."""
    ordered = sorted(stays, key=lambda stay: stay.start_us)
    begin = end = last = 0
    for first, stay in enumerate(ordered):
        while last < len(ordered) and ordered[last].start_us <= _until_us(stay, limits):
            last += 1
        if last - first > end - begin:
            begin, end = first, last
    return ordered[begin:end]


def _until_us(stay: Stay, limits: Limits) -> float:
    return stay.start_us + limits.rejoins_within_s * SECOND


RULES = (
    Rule(
        code="muted_by_system", type="warning", find=muted_by_system, limits=("muted_s",), unit="s",
        title="Muted by the device or system",
        explanation="The camera or microphone delivered nothing although nobody had switched it off in the page: a hardware switch, a lid, another program, a call on the phone.",
        source="W3C Media Capture and Streams, 4.3.1.1 (muted).",
    ),
    Rule(
        code="device_vanished", type="error", find=device_vanished,
        title="A camera or microphone vanished",
        explanation="The track of a device ended by itself: it was unplugged, switched off, or its permission was taken back.",
        source="W3C Media Capture and Streams, 4.3.3.1 (ended).",
    ),
    Rule(
        code="page_vanished", type="error", find=page_vanished, limits=("vanished_s",),
        title="The page vanished",
        explanation="Reports ended from one moment to the next without a word of leaving: the browser or tab crashed or was killed, the device slept, or its whole network was lost.",
        source="W3C Beacon: pages tell that they leave; measured: crashed and killed pages tell nothing.",
    ),
    Rule(
        code="hidden_tab", type="warning", find=hidden_tab, limits=("hidden_s",), unit="s",
        title="The page was in the background for long",
        explanation="The tab was hidden; browsers throttle such pages, so timers and pictures of it stutter.",
        source="W3C Page Visibility; measured: Chromium runs timers of hidden pages once a second or more rarely.",
    ),
    Rule(
        code="rejoin_loop", type="error", find=rejoin_loop, limits=("rejoins", "rejoins_within_s"), unit="sessions",
        title="Joined again and again",
        explanation="The participant opened the conference several times within minutes, as people do when nothing seems to work.",
        source="Measured on recorded calls: a second session is common, a third within minutes is not.",
    ),
)  # fmt: skip
