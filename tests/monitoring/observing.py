"""Conferences as the rules see them, made by hand. Times are seconds after the beginning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid5

from signalbox.monitoring.rules.detection import (
    Attempt,
    Happening,
    ObservedConference,
    ObservedConnection,
    ObservedTrack,
    Person,
    Stay,
)
from signalbox.monitoring.rules.intervals import FlowInterval, Interval, LinkInterval

START_US = 1_800_000_000_000_000
SPACE = UUID("00000000-0000-4000-8000-00000000cafe")


def uid(name: str) -> UUID:
    """A uuid that goes by a name."""
    return uuid5(SPACE, name)


def us(seconds: float) -> int:
    """An instant."""
    return START_US + round(seconds * 1_000_000)


def happening(at_s: float, kind: str, data: Any = None, *, who: str = "alice", on: str | None = "alice>bob", track: str | None = None) -> Happening:  # fmt: skip
    """An event, by default of alice's connection to bob."""
    return Happening(
        id=uid(f"{kind} {at_s} {who}"),
        at_us=us(at_s),
        type=kind,
        session=uid(f"session {who}"),
        participant=uid(who),
        connection=None if on is None else uid(on),
        track=None if track is None else uid(track),
        data=data,
    )


def _made(cls: type[Any], given: dict[str, Any], **defaults: Any) -> Any:
    values = dict.fromkeys((field.name for field in fields(cls)), None)
    return cls(**{**values, **defaults, **given})


def flow(kind: str, direction: str, **figures: Any) -> dict[str, Any]:
    """The figures of a flow; those that are not given are unknown."""
    return {"kind": kind, "direction": direction, **figures}


def intervals(times: Sequence[float], *, flows: Iterable[dict[str, Any]] = (), link: dict[str, Any] | None = None) -> tuple[Interval, ...]:  # fmt: skip
    """Intervals between the times, all with the same figures."""
    found = []
    for begin, end in pairwise(times):
        span = {"start_us": us(begin), "end_us": us(end), "seconds": end - begin}
        made = tuple(_flow(given, span) for given in flows)
        path = None if link is None else _made(LinkInterval, {**span, **link}, pair_changed=False)
        found.append(Interval(start_us=us(begin), end_us=us(end), link=path, flows=made))
    return tuple(found)


def _flow(given: dict[str, Any], span: dict[str, Any]) -> FlowInterval:
    name = f"{given['kind']} {given['direction']}"
    made: FlowInterval = _made(
        FlowInterval, {**span, **given}, key=name, track=uid(name), quiet=False
    )
    return made


def connection(name: str = "alice>bob", **changes: Any) -> ObservedConnection:
    """A connection that was made at once and lasts for a minute."""
    who, peer = name.split(">")
    parts = changes.get("intervals", ())
    reports = {at: uid(f"report {at} {name}") for part in parts for at in (part.start_us, part.end_us)}  # fmt: skip
    made: dict[str, Any] = {
        "id": uid(name), "session": uid(f"session {who}"), "participant": uid(who), "peer": uid(peer), "start_us": us(0), "end_us": us(60),
        "last_us": us(60), "state": "closed", "established": True, "attempts": (attempt(),), "reports": reports,
    }  # fmt: skip
    return ObservedConnection(**{**made, **changes})


def attempt(
    start_s: float = 0, end_s: float | None = 0.5, *, status: str = "connected", kind: str = "initial"
) -> Attempt:  # fmt: skip
    """A negotiation."""
    end_us = None if end_s is None else us(end_s)
    return Attempt(type=kind, status=status, start_us=us(start_s), end_us=end_us)


def stay(who: str = "alice", *, start_s: float = 0, end_s: float | None = 60, number: str = "") -> Stay:  # fmt: skip
    """A session; of several of one person each has a number."""
    end_us = None if end_s is None else us(end_s)
    last_us = us(60) if end_us is None else end_us
    return Stay(
        id=uid(f"session {who}{number}"),
        participant=uid(who),
        start_us=us(start_s),
        end_us=end_us,
        last_us=last_us,
    )


def conference(
    *, connections: Iterable[ObservedConnection] = (), happenings: Iterable[Happening] = (), stays: Iterable[Stay] | None = None,
    tracks: Iterable[tuple[str, str, str]] = (), now_s: float = 120, ongoing: bool = False, sfu: str | None = None,
    names: Sequence[str] = ("alice", "bob"),
) -> ObservedConference:  # fmt: skip
    """A call of a minute between alice and bob; `tracks` are (name, kind, direction) of alice's."""
    there = tuple(stays if stays is not None else [stay(n) for n in names if n != sfu])
    people = [Person(id=uid(name), name=name, is_sfu=name == sfu) for name in names]
    return ObservedConference(
        id=uid("conference"),
        start_us=us(0),
        end_us=None if ongoing else us(60),
        ongoing=ongoing,
        now_us=us(now_s),
        people=tuple(people),
        stays=there,
        connections=tuple(connections),
        tracks=tuple(
            ObservedTrack(
                id=uid(name), session=uid("session alice"), connection=uid("alice>bob"), kind=kind, direction=direction
            )
            for name, kind, direction in tracks
        ),
        happenings=tuple(sorted([*happenings, *leaves(there)], key=lambda one: one.at_us)),
    )  # fmt: skip


def leaves(stays: Iterable[Stay]) -> list[Happening]:
    """What pages say when they go."""
    return [
        Happening(
            id=uid(f"leave {one.id}"), at_us=one.end_us, type="unload", session=one.id, participant=one.participant
        )
        for one in stays
        if one.end_us is not None
    ]  # fmt: skip
