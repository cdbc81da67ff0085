"""Made-up people, where they sit, their browsers and devices, meetings, versions of a made-up app."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

NAMES: Final = (
    "Noor Haddad", "Ravi Menon", "Ines Duarte", "Tomasz Wilk", "Aiko Mori", "Leila Farsi", "Jonas Berg", "Marta Ruiz", "Chidi Obi", "Sofia Rossi",
    "Emil Novak", "Hana Kim", "Pavel Orlov", "Grace Mwangi", "Lukas Meyer", "Yara Silva", "Oskar Lind", "Amina Diallo", "Theo Martin", "Mei Chen",
    "Bilal Aziz", "Clara Weiss", "Dewi Putri", "Esra Kaya", "Finn Olsen", "Gita Rao", "Hugo Petit", "Ida Nyberg", "Jorge Vega", "Kofi Mensah",
)  # fmt: skip
MEETINGS: Final = (
    "Stand-up", "Design review", "Telehealth visit", "Physics lesson", "Support call", "Interview", "Sprint planning", "Piano lesson",
    "Customer demo", "Language exchange", "Retrospective", "Budget round", "Thesis talk", "Parents' evening",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody sits: ISO 3166 codes, degrees."""

    city: str
    country: str
    region: str
    latitude: float
    longitude: float


PLACES: Final = (
    Place("Berlin", "DE", "BE", 52.52, 13.41), Place("Hamburg", "DE", "HH", 53.55, 9.99), Place("Paris", "FR", "IDF", 48.86, 2.35),
    Place("Lyon", "FR", "ARA", 45.76, 4.84), Place("Madrid", "ES", "MD", 40.42, -3.70), Place("Lisbon", "PT", "11", 38.72, -9.14),
    Place("Warsaw", "PL", "14", 52.23, 21.01), Place("London", "GB", "ENG", 51.51, -0.13), Place("Nairobi", "KE", "30", -1.29, 36.82),
    Place("Lagos", "NG", "LA", 6.52, 3.38), Place("Mumbai", "IN", "MH", 19.08, 72.88), Place("Bengaluru", "IN", "KA", 12.97, 77.59),
    Place("Tokyo", "JP", "13", 35.68, 139.69), Place("Seoul", "KR", "11", 37.57, 126.98), Place("Sao Paulo", "BR", "SP", -23.55, -46.63),
    Place("Toronto", "CA", "ON", 43.65, -79.38), Place("New York", "US", "NY", 40.71, -74.01), Place("Denver", "US", "CO", 39.74, -104.99),
)  # fmt: skip
# Name, version and engine of the browser; name and version of the system; how common.
_SOFTWARE: Final = (
    ("Chrome", "156.0.0.0", "Blink", "Windows", "11", 9), ("Chrome", "156.0.0.0", "Blink", "macOS", "16.2", 6), ("Chrome", "155.0.0.0", "Blink", "Android", "16", 5),
    ("Chrome", "156.0.0.0", "Blink", "Linux", "x86_64", 2), ("Edge", "156.0.0.0", "Blink", "Windows", "11", 4), ("Firefox", "149.0", "Gecko", "Windows", "11", 4),
    ("Firefox", "149.0", "Gecko", "Linux", "x86_64", 3), ("Safari", "20.1", "WebKit", "macOS", "16.2", 4), ("Safari", "20.1", "WebKit", "iOS", "20.1", 5),
)  # fmt: skip
_MICROPHONES: Final = ("Built-in microphone", "USB headset", "Desk microphone", "Wireless earbuds")
_CAMERAS: Final = ("Front camera", "HD webcam", "Conference camera")
_OUTPUTS: Final = ("Speakers", "USB headset", "Wireless earbuds")
# The app's newest version, and for how many days it has been out: it came with a regression.
NEWEST: Final = "3.2.0"
OUT_FOR_DAYS: Final = 11.0


def _id_of(name: str) -> str:
    return "demo-" + name.lower().replace(" ", "-")


def person(dice: random.Random) -> tuple[str, str]:
    """Id and name of somebody; the same people come again and again."""
    name = dice.choice(NAMES)
    return _id_of(name), name


def people(dice: random.Random, count: int) -> list[tuple[str, str]]:
    """So many different people."""
    return [(_id_of(name), name) for name in dice.sample(NAMES, count)]


def conference_name(dice: random.Random) -> str:
    """What a meeting is called."""
    return dice.choice(MEETINGS)


def app_version(dice: random.Random, days_ago: float) -> str:
    """The version of the page that somebody had open so long ago: new ones spread over some days, old ones never quite go."""
    share = min(0.9, max(0.0, (OUT_FOR_DAYS - days_ago) / 4))
    if dice.random() < share:
        return NEWEST
    return "3.1.0" if dice.random() < 0.85 else "3.0.4"


@cache
def home(who: str) -> Place | None:
    """Where somebody sits; None for the few whose address tells nothing."""
    dice = random.Random(f"place {who}")
    return None if dice.random() < 0.07 else dice.choice(PLACES)


def place_headers(place: Place | None) -> dict[str, str]:
    """What a hosting platform would say of a request from there; nothing for None."""
    if place is None:
        return {}
    return {
        "X-AppEngine-Country": place.country,
        "X-AppEngine-Region": place.region,
        "X-AppEngine-City": place.city,
        "X-AppEngine-CityLatLong": f"{place.latitude},{place.longitude}",
    }


@cache
def _habits(who: str) -> tuple[Any, Any, str, str, str]:
    """The browser that somebody mostly uses, the other one, and the devices."""
    dice = random.Random(f"habits {who}")
    first, second = dice.choices(_SOFTWARE, [one[-1] for one in _SOFTWARE], k=2)
    return (
        first,
        second,
        dice.choice(_MICROPHONES),
        dice.choice(_CAMERAS),
        dice.choice(_OUTPUTS),
    )


def session_body(dice: random.Random, who: str, version: str) -> dict[str, Any]:
    """Browser, machine and devices of somebody's session."""
    first, second, microphone, camera, output = _habits(who)
    browser, number, engine, system, release, _ = first if dice.random() < 0.85 else second
    inputs = [("mic", "audioinput", microphone), ("cam", "videoinput", camera), ("out", "audiooutput", output)]  # fmt: skip
    return {
        "platform": {
            "ua": f"Mozilla/5.0 ({system} {release}) {browser}/{number}",
            "browser": {"name": browser, "version": number, "major": number.partition(".")[0]},
            "engine": {"name": engine, "version": number},
            "os": {"name": system, "version": release},
            "device": {"type": "mobile"} if system in ("Android", "iOS") else {},
            "cpu": {},
        },
        "constraints": {
            "width": True,
            "height": True,
            "frameRate": True,
            "echoCancellation": True,
            "noiseSuppression": True,
        },
        "devices": [
            {"deviceId": name, "kind": kind, "label": label, "groupId": f"group-{name}"}
            for name, kind, label in inputs
        ],
        "appVersion": version,
        "meta": {
            "plan": ("free", "pro", "team")[len(who) % 3],
            "room": dice.randrange(1, 40),
        },
        "webrtcSdk": "",
    }
