"""The calls that are recorded, and what is wrong with each. `record.py` plays them; the labels go beside the recordings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.recording.relay import Trouble

Action = tuple[
    float, str, tuple[Any, ...]
]  # seconds after everybody has connected, what, arguments

LOSSY = Trouble(loss=0.14)
BURSTS = Trouble(burst=0.012, burst_ms=700)
FAR = Trouble(delay_ms=330)
SHAKY = Trouble(delay_ms=20, jitter_ms=260)
NOTHING_PASSES = Trouble(loss=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A call of `seconds` among the named; `sfu` is a page that plays the media server and reports nothing.

    `label` is (cause, whose): whose is a participant's name, or None when it is nobody's alone. `relay`: relay-only ICE through an impairing
    relay per participant; `up` and `down` say what each relay does from the beginning.
    """

    name: str
    label: tuple[str, str | None]
    people: tuple[str, ...] = ("alice", "bob")
    sfu: bool = False
    relay: bool = True
    seconds: float = 36.0
    up: dict[str, Trouble] = field(default_factory=dict)
    down: dict[str, Trouble] = field(default_factory=dict)
    http_delay_ms: dict[str, float] = field(default_factory=dict)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    page: dict[str, dict[str, Any]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    connects: bool = True
    password: str = "recording"


def _both(who: str, trouble: Trouble) -> dict[str, Any]:
    return {"up": {who: trouble}, "down": {who: trouble}}


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(name="clean-direct", label=("none", None), relay=False),
    Scenario(name="clean-relay", label=("none", None)),
    Scenario(name="clean-audio", label=("none", None), relay=False,
             media={"alice": {"audio": True}, "bob": {"audio": True}}),
    Scenario(name="clean-sfu", label=("none", None), sfu=True),
    Scenario(name="clean-muted", label=("none", None), relay=False, seconds=45.0,
             actions=((3.0, "mute", ("alice", True)), (4.0, "hide", ("bob", True)), (20.0, "hide", ("bob", False)))),
    Scenario(name="clean-restart", label=("none", None), relay=False, actions=((12.0, "restart", ("alice", "bob")),)),
    # Chromium begins small and calls that a limit of bandwidth for half a minute, although there is plenty.
    Scenario(name="clean-large-video", label=("none", None), relay=False, seconds=40.0,
             media={"alice": {"audio": True, "video": {"width": 1920, "height": 1080, "frameRate": 30}}}),
    Scenario(name="loss-alice", label=("network", "alice"), sfu=True, **_both("alice", LOSSY)),
    Scenario(name="loss-bob", label=("network", "bob"), sfu=True, **_both("bob", Trouble(loss=0.09, delay_ms=120))),
    Scenario(name="bursts-alice", label=("network", "alice"), sfu=True, seconds=45.0, **_both("alice", BURSTS)),
    Scenario(name="delay-alice", label=("network", "alice"), sfu=True, http_delay_ms={"alice": 330.0}, **_both("alice", FAR)),
    Scenario(name="jitter-bob", label=("network", "bob"), sfu=True, **_both("bob", SHAKY)),
    Scenario(name="narrow-up-alice", label=("network", "alice"), sfu=True, seconds=45.0,
             up={"alice": Trouble(rate_kbps=90)}),
    Scenario(name="narrow-down-bob", label=("network", "bob"), sfu=True, seconds=45.0,
             down={"bob": Trouble(rate_kbps=110, queue_ms=600)}),
    Scenario(name="uplink-loss-alice-pair", label=("network", "alice"), up={"alice": Trouble(loss=0.16)}),
    Scenario(name="uplink-narrow-bob-pair", label=("network", "bob"), seconds=45.0, up={"bob": Trouble(rate_kbps=90)}),
    Scenario(name="network-lost-bob-pair", label=("network", "bob"), seconds=50.0,
             actions=((12.0, "lose", ("bob",)), (38.0, "find", ("bob",)))),
    Scenario(name="loss-between-pair", label=("network", None), up={"alice": Trouble(loss=0.13), "bob": Trouble(loss=0.13)}),
    Scenario(name="relay-refuses", label=("relay", None), connects=False, password="wrong", seconds=25.0),
    Scenario(name="relay-silent", label=("relay", None), connects=False, seconds=45.0,
             up={"alice": NOTHING_PASSES, "bob": NOTHING_PASSES}),
    Scenario(name="relay-dies", label=("relay", None), seconds=45.0, actions=((14.0, "stop_relay", ()),)),
    Scenario(name="relay-poor-three", label=("relay", None), people=("alice", "bob", "carol"), seconds=40.0,
             up={name: Trouble(loss=0.08) for name in ("alice", "bob", "carol")}),
    Scenario(name="server-crashes", label=("server", None), sfu=True, relay=False, seconds=45.0, actions=((14.0, "crash", ("sfu",)),)),
    Scenario(name="server-deaf", label=("server", None), sfu=True, relay=False, connects=False, seconds=25.0, page={"sfu": {"deaf": True}}),
    Scenario(name="server-poor", label=("server", None), sfu=True, **_both("sfu", LOSSY)),
    Scenario(name="camera-missing-alice", label=("device", "alice"), relay=False, flags={"alice": "missing"}, seconds=25.0),
    Scenario(name="microphone-silent-alice", label=("device", "alice"), relay=False, flags={"alice": "silent"}, seconds=50.0),
    Scenario(name="camera-stalled-bob", label=("device", "bob"), relay=False, seconds=45.0, actions=((8.0, "stall", ("bob",)),)),
    Scenario(name="overloaded-alice", label=("device", "alice"), relay=False, seconds=45.0, actions=((4.0, "overload", ("alice",)),)),
    Scenario(name="denied-alice", label=("permission", "alice"), relay=False, flags={"alice": "denied"}, seconds=25.0),
    Scenario(name="denied-all", label=("permission", None), sfu=True, relay=False, seconds=25.0,
             flags={"alice": "denied", "bob": "denied"}),
    Scenario(name="killed-bob-pair", label=("browser", "bob"), relay=False, seconds=45.0, actions=((12.0, "crash", ("bob",)),)),
    Scenario(name="killed-alice-sfu", label=("browser", "alice"), sfu=True, relay=False, seconds=45.0, actions=((12.0, "crash", ("alice",)),)),
    Scenario(name="dtls-forged", label=("browser", None), relay=False, connects=False, seconds=25.0, page={"bob": {"forged": True}}),
)  # fmt: skip

THREE = ("alice", "bob", "carol")
SOME = Trouble(loss=0.01, delay_ms=35, jitter_ms=12)

# Recorded after the rules had been written, to see how they do on calls that they were not written with.
HELD_OUT: tuple[Scenario, ...] = (
    Scenario(name="later-clean-some-distance", label=("none", None), up={"alice": SOME, "bob": SOME}, down={"alice": SOME, "bob": SOME}),
    Scenario(name="later-clean-three", label=("none", None), people=THREE, relay=False),
    Scenario(name="later-loss-carol-three", label=("network", "carol"), people=THREE, **_both("carol", Trouble(loss=0.12))),
    Scenario(name="later-bursts-uplink-bob-pair", label=("network", "bob"), seconds=45.0, up={"bob": Trouble(burst=0.02, burst_ms=500)}),
    Scenario(name="later-delay-bob", label=("network", "bob"), sfu=True, **_both("bob", Trouble(delay_ms=260, jitter_ms=40))),
    Scenario(name="later-narrow-bob", label=("network", "bob"), sfu=True, seconds=45.0, **_both("bob", Trouble(rate_kbps=75, queue_ms=900))),
    Scenario(name="later-relay-dies-three", label=("relay", None), people=THREE, seconds=45.0, actions=((12.0, "stop_relay", ()),)),
    Scenario(name="later-server-crashes-three", label=("server", None), people=THREE, sfu=True, relay=False, seconds=45.0,
             actions=((10.0, "crash", ("sfu",)),)),
    Scenario(name="later-killed-carol-three", label=("browser", "carol"), people=THREE, relay=False, seconds=45.0,
             actions=((12.0, "crash", ("carol",)),)),
    Scenario(name="later-silent-bob", label=("device", "bob"), sfu=True, relay=False, flags={"bob": "silent"}, seconds=45.0),
    Scenario(name="later-denied-bob", label=("permission", "bob"), sfu=True, flags={"bob": "denied"}, seconds=25.0),
    Scenario(name="later-network-lost-alice-sfu", label=("network", "alice"), sfu=True, seconds=50.0,
             actions=((10.0, "lose", ("alice",)), (34.0, "find", ("alice",)))),
)  # fmt: skip
