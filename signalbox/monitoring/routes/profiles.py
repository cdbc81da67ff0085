"""GET /participants/<id>/profile: one participant over time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromPath

from signalbox.http.answers import Answer, json_answer, one_of
from signalbox.monitoring import queries
from signalbox.monitoring.queries import profiles
from signalbox.monitoring.queries.profiles import Stay
from signalbox.monitoring.queries.refusals import ParticipantMissing
from signalbox.monitoring.routes.given import GivenActor, GivenClock, GivenDb
from signalbox.monitoring.rules.habits import devices_used, with_versions
from signalbox.monitoring.rules.overview import UNKNOWN

DAYS: Final = 31


class DayOfCalls(msgspec.Struct, kw_only=True):
    """A UTC day: how long the participant was in calls that they entered on it."""

    date: str
    seconds: int
    minutes: int


class UsedDevice(msgspec.Struct):
    """A device, and how many sessions had it."""

    label: str
    count: int


class UsedDevices(msgspec.Struct, kw_only=True):
    """The three devices of each kind that most sessions had, the most frequent first."""

    microphones: list[UsedDevice]
    cameras: list[UsedDevice]
    outputs: list[UsedDevice]


class UsedVersion(msgspec.Struct):
    """A version, and how many sessions ran on it."""

    version: str
    count: int


class UsedPlatform(msgspec.Struct, kw_only=True):
    """A browser or operating system, and how many sessions ran on it."""

    name: str
    count: int
    versions: list[UsedVersion]


class Place(msgspec.Struct, kw_only=True):
    """From where sessions came."""

    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None
    count: int


class NetworkOfDay(msgspec.Struct, kw_only=True):
    """A UTC day on which connections were measured: means over time and, of loss, over packets received; `relay_ratio` is the share of the time over a relay."""

    date: str
    seconds: float | None
    rtt_ms: float | None
    loss_ratio: float | None
    emos: float | None
    relay_ratio: float | None


class ParticipantProfile(msgspec.Struct, kw_only=True):
    """One participant: `days` are the last 31 including today, a media server's by its conferences; `network` those of them that were measured.
    Devices, browsers, systems and places are of the newest 500 sessions, of which there are `sessions`."""

    days: list[DayOfCalls]
    sessions: int
    devices: UsedDevices
    browsers: list[UsedPlatform]
    os: list[UsedPlatform]
    places: list[Place]
    network: list[NetworkOfDay]


@get(
    "/participants/{participant_id:uuid}/profile",
    responses=one_of(ParticipantProfile),
    summary="One participant over time",
)
async def get_profile(
    db: GivenDb, actor: GivenActor, clock: GivenClock, participant_id: FromPath[UUID]
) -> Answer:
    """How long in calls on which days, with what devices, browsers and systems, from where, on what network."""
    today = clock.now().astimezone(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    begin = datetime.combine(first, time(), UTC)
    async with db.read() as tx:
        row = await queries.first(tx, queries.participants(actor), participant_id)
        if row is None:
            raise ParticipantMissing
        seconds = await profiles.seconds_by_day(
            tx, participant_id, is_sfu=row["is_sfu"], begin=begin
        )
        stays = await profiles.stays(tx, participant_id)
        network = await profiles.network_by_day(tx, participant_id, begin=begin)
    used = devices_used(stay.devices for stay in stays)
    data = ParticipantProfile(
        days=[
            _day((first + timedelta(days=n)).isoformat(), seconds.get(first + timedelta(days=n), 0))
            for n in range(DAYS)
        ],
        sessions=len(stays),
        devices=UsedDevices(
            **{kind: [UsedDevice(*one) for one in found] for kind, found in used.items()}
        ),
        browsers=_platforms((stay.browser, stay.browser_version) for stay in stays),
        os=_platforms((stay.os, stay.os_version) for stay in stays),
        places=_places(stays),
        network=[NetworkOfDay(date=one.day.isoformat(), **_figures(one)) for one in network],
    )
    return json_answer({"data": data})


def _day(day: str, seconds: int) -> DayOfCalls:
    return DayOfCalls(date=day, seconds=seconds, minutes=seconds // 60)


def _platforms(pairs: Iterable[tuple[str | None, str | None]]) -> list[UsedPlatform]:
    named = ((name or UNKNOWN, version or UNKNOWN) for name, version in pairs)
    return [
        UsedPlatform(name=name, count=count, versions=[UsedVersion(*one) for one in versions])
        for name, count, versions in with_versions(named)
    ]


def _places(stays: Iterable[Stay]) -> list[Place]:
    counts = Counter((stay.city, stay.country, stay.latitude, stay.longitude) for stay in stays)
    return [
        Place(city=city, country=country, latitude=north, longitude=east, count=count)
        for (city, country, north, east), count in counts.most_common()
        if city is not None or country is not None
    ]


def _figures(one: profiles.NetworkDay) -> dict[str, float | None]:
    found = one._asdict()
    del found["day"]
    return found


HANDLERS = (get_profile,)
