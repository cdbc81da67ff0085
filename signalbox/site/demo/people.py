"""Made-up people, meetings and browsers."""

from __future__ import annotations

import random
from typing import Any, Final

NAMES: Final = (
    "Noor Haddad", "Ravi Menon", "Ines Duarte", "Tomasz Wilk", "Aiko Mori", "Leila Farsi", "Jonas Berg", "Marta Ruiz", "Chidi Obi", "Sofia Rossi",
    "Emil Novak", "Hana Kim", "Pavel Orlov", "Grace Mwangi", "Lukas Meyer", "Yara Silva", "Oskar Lind", "Amina Diallo", "Theo Martin", "Mei Chen",
)  # fmt: skip
MEETINGS: Final = (
    "Stand-up", "Design review", "Telehealth visit", "Physics lesson", "Support call", "Interview", "Sprint planning", "Piano lesson",
    "Board meeting", "Customer demo", "Language exchange", "Retrospective",
)  # fmt: skip
BROWSERS: Final = (
    ("Chrome", "156.0.0.0", "Blink"),
    ("Chrome", "155.0.0.0", "Blink"),
    ("Firefox", "149.0", "Gecko"),
    ("Safari", "20.1", "WebKit"),
    ("Edge", "156.0.0.0", "Blink"),
)
SYSTEMS: Final = (
    ("Windows", "11"),
    ("macOS", "16.2"),
    ("Linux", "x86_64"),
    ("Android", "16"),
    ("iOS", "20.1"),
)


def person(dice: random.Random) -> tuple[str, str]:
    """Id and name of somebody; the same people come again and again."""
    name = dice.choice(NAMES)
    return "demo-" + name.lower().replace(" ", "-"), name


def conference_name(dice: random.Random) -> str:
    """What a meeting is called."""
    return dice.choice(MEETINGS)


def people(dice: random.Random, count: int) -> list[tuple[str, str]]:
    """So many different people."""
    return [("demo-" + name.lower().replace(" ", "-"), name) for name in dice.sample(NAMES, count)]


def session_body(dice: random.Random) -> dict[str, Any]:
    """Browser, machine and devices of a session."""
    browser, version, engine = dice.choice(BROWSERS)
    system, release = (
        ("iOS", "20.1") if browser == "Safari" and dice.random() < 0.5 else dice.choice(SYSTEMS)
    )
    return {
        "platform": {
            "ua": f"Mozilla/5.0 ({system} {release}) {browser}/{version}",
            "browser": {"name": browser, "version": version, "major": version.partition(".")[0]},
            "engine": {"name": engine, "version": version},
            "os": {"name": system, "version": release},
            "device": {},
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
            {
                "deviceId": "mic",
                "kind": "audioinput",
                "label": dice.choice(("Built-in microphone", "Headset", "Desk mic")),
                "groupId": "g1",
            },
            {
                "deviceId": "cam",
                "kind": "videoinput",
                "label": dice.choice(("Front camera", "HD webcam")),
                "groupId": "g2",
            },
            {
                "deviceId": "out",
                "kind": "audiooutput",
                "label": dice.choice(("Speakers", "Headset")),
                "groupId": "g1",
            },
        ],
        "appVersion": dice.choice(("3.1.0", "3.1.0", "3.0.4", "2.9.7")),
        "meta": {"plan": dice.choice(("free", "pro", "team")), "room": dice.randrange(1, 40)},
        "webrtcSdk": "",
    }
