"""Writes down the requests of one made-up call, as the browsers of its participants would send them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from signalbox.site.demo.lines import Line
from signalbox.site.demo.people import (
    NEWEST,
    app_version,
    home,
    place_headers,
    session_body,
)
from signalbox.site.demo.sdp import candidates, description
from signalbox.site.demo.stats import Meter
from signalbox.site.demo.steps import Call, Step, step

INTERVAL_S: Final = 10.0
REPORTS: Final = 24  # of one connection of a call of the past: more would only take longer
_REFUSALS: Final = {
    "NotAllowedError": "Permission denied",
    "NotFoundError": "Requested device not found",
    "NotReadableError": "Could not start video source",
    "OverconstrainedError": "No camera can do that",
}

Weather = Line | Callable[[float], Line]


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """When a call is: so many days ago; `sparse` calls report seldom when they are long."""

    days_ago: float = 0.0
    sparse: bool = False


@dataclass(slots=True)
class Writer:
    """Writes down the steps of one call."""

    dice: random.Random
    api_key: str
    tag: str
    title: str
    day: Day = field(default_factory=Day)
    interval_s: float | None = None  # between reports; by the length of the call without
    steps: list[Step] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    end_s: float = 0.0  # when the first one leaves
    _slow: set[str] = field(default_factory=set)

    def enter(self, who: tuple[str, str], at_s: float, part: int = 0) -> str:
        """A participant opens the page; answers the name of the session."""
        name = f"{who[0]}.{part}"
        init = {
            "apiKey": self.api_key,
            "conferenceId": self.tag,
            "conferenceName": self.title,
            "userId": who[0],
            "userName": who[1],
        }
        self.steps.append(step(at_s, "/initialize", init, learns={"token": f"@init-{name}@"}))
        body = session_body(self.dice, who[0], app_version(self.dice, self.day.days_ago))
        if body["appVersion"] == NEWEST and body["platform"]["browser"]["name"] == "Firefox":
            self._slow.add(name)
        self.steps.append(
            step(
                at_s + 0.1,
                "/sessions",
                body | {"token": f"@init-{name}@"},
                learns={"token": f"@session-{name}@"},
                headers=place_headers(home(who[0])),
            )
        )
        return name

    def is_slow(self, session: str) -> bool:
        """Whether the newest version treats this session's browser badly: slow to connect, hard on the processor."""
        return session in self._slow

    def setup_s(self, session: str) -> float:
        """How long it takes to connect from here."""
        if self.is_slow(session):
            return self.dice.uniform(4.2, 7.5)
        return min(4.5, self.dice.lognormvariate(-0.35, 0.55))

    def media(self, session: str, at_s: float, *, error: str | None = None) -> None:
        """The page asks for camera and microphone; `error` is the name of the refusal."""
        self._user_media(at_s, session, {"constraints": {"audio": True, "video": True}})
        found: dict[str, Any] = {
            kind: [self._local_track(session, kind)] for kind in ("audio", "video")
        }
        if error is not None:
            found = {"error": {"name": error, "message": _REFUSALS.get(error, error)}}
        self._user_media(at_s + 0.8, session, found)

    def _user_media(self, at_s: float, session: str, data: dict[str, Any]) -> None:
        body = {"eventName": "getUserMedia", "data": data}
        self._post(at_s, "/events/get-user-media", session, body)

    def _local_track(self, session: str, kind: str) -> dict[str, Any]:
        label = "Built-in microphone" if kind == "audio" else "Front camera"
        return {
            "id": f"{session}-local-{kind}"[:40],
            "kind": kind,
            "label": label,
            "enabled": True,
            "muted": False,
            "readyState": "live",
        }

    def connect(
        self,
        session: str,
        peer: tuple[str, str],
        at_s: float,
        *,
        kind: str = "srflx",
        is_sfu: bool = False,
    ) -> str:
        """A connection is added and offers, with candidates up to a `kind` (host, srflx, relay); answers its name."""
        name = f"{session}>{peer[0]}"
        self.connections.append(name)
        body = {
            "eventName": "addConnection",
            "peerId": peer[0],
            "peerName": peer[1],
            "connectionState": "new",
            "isSfu": is_sfu,
        }
        learns = {"peer_id": f"@peer-{name}@", "connection_id": f"@connection-{name}@"}
        self.steps.append(
            step(at_s, "/connection", body | {"token": f"@session-{session}@"}, learns=learns)
        )
        self.event(name, at_s + 0.02, "onnegotiationneeded", None)
        self._signal(name, at_s + 0.05, "have-local-offer", description("offer", name), None)
        self.event(name, at_s + 0.06, "onicegatheringstatechange", "gathering")
        self.gather(name, at_s + 0.08, kind=kind)
        self._signal(
            name,
            at_s + 0.25,
            "stable",
            description("offer", name),
            description("answer", peer[0]),
        )
        self.event(name, at_s + 0.3, "oniceconnectionstatechange", "checking")
        self.event(name, at_s + 0.31, "onconnectionstatechange", "connecting")
        return name

    def _signal(
        self,
        connection: str,
        at_s: float,
        state: str,
        local: dict[str, str] | None,
        remote: dict[str, str] | None,
    ) -> None:
        data = {"signalingState": state, "localDescription": local, "remoteDescription": remote}
        self.event(connection, at_s, "onsignalingstatechange", data)

    def gather(self, connection: str, at_s: float, *, kind: str = "srflx", round_: int = 0) -> None:
        """Candidates are found, then the end of them; every further `round_` of ICE has a name of its own."""
        for number, found in enumerate(candidates(connection, kind, round_)):
            self.event(connection, at_s + number / 100, "onicecandidate", found)
        self.event(connection, at_s + 0.12, "onicecandidate", None)

    def connected(self, connection: str, at_s: float) -> None:
        """A path is found."""
        self.path(connection, at_s, "connected")
        session = connection.partition(">")[0]
        for kind in ("audio", "video"):
            data = {
                "kind": kind,
                "enabled": True,
                "muted": False,
                "readyState": "live",
                "label": f"remote {kind}",
            }
            body = {
                "event": "ontrack",
                "trackId": f"{connection}-remote-{kind}"[:40],
                "data": data,
            } | self._ids(connection)
            self._post(at_s + 0.1, "/tracks", session, body)

    def path(self, connection: str, at_s: float, state: str) -> None:
        """Both states of a connection change, that of ICE a moment earlier."""
        self.event(connection, at_s, "oniceconnectionstatechange", state)
        self.event(connection, at_s + 0.05, "onconnectionstatechange", state)

    def event(self, connection: str, at_s: float, name: str, data: Any) -> None:
        """An event of a connection."""
        self._post(
            at_s,
            "/connection",
            connection.partition(">")[0],
            {"eventName": name, "data": data, "timestamp": None} | self._ids(connection),
        )

    def track(self, session: str, at_s: float, kind: str, event: str) -> None:
        """Something happens to a device's track: `mute`, `unmute` or `ended`."""
        body = {"event": event, "trackId": f"{session}-local-{kind}"[:40]}
        self.steps.append(
            step(at_s, "/tracks", body | {"token": f"@session-{session}@"}, method="PUT")
        )

    def stats(
        self,
        connection: str,
        start_s: float,
        end_s: float,
        weather: Weather,
        *,
        sends: bool = True,
        receives: bool = True,
        pairs: tuple[str, ...] = ("CP1",),
    ) -> None:
        """Reports from when it is connected until it ends, over one candidate pair after the other."""
        every_s = self.interval_s or self._interval(end_s - start_s)
        meter = Meter(connection, self.dice, sends=sends, receives=receives, interval_s=every_s)
        at_s, session, number = start_s + every_s, connection.partition(">")[0], 0
        while at_s < end_s:
            line = weather if isinstance(weather, Line) else weather(at_s)
            meter.pair = pairs[number % len(pairs)]
            taken = round(line.time_taken_ms * self.dice.uniform(0.6, 1.8))
            body = {"data": meter.report(at_s, line), "timeTaken": taken} | self._ids(connection)
            self._post(at_s, "/stats", session, body)
            at_s, number = at_s + every_s, number + 1

    def _interval(self, length_s: float) -> float:
        """Ten seconds; in long calls of the past more, in steps of five seconds up to a minute and a half."""
        if not self.day.sparse:
            return INTERVAL_S
        return min(90.0, max(INTERVAL_S, 5.0 * round(length_s / REPORTS / 5)))

    def browser(self, session: str, at_s: float, body: dict[str, Any]) -> None:
        """An event of the page."""
        self._post(at_s, "/events/browser", session, body)

    def custom(self, session: str, at_s: float, name: str) -> None:
        """An event that the page made up, such as `mute`."""
        self.browser(session, at_s, {"eventName": "custom", "data": {"eventName": name}})

    def leave(self, session: str, at_s: float) -> None:
        """The page is closed."""
        self.browser(session, at_s, {"eventName": "beforeunload"})
        self.browser(session, at_s + 0.01, {"eventName": "unload"})

    def call(self, kind: str) -> Call:
        """What was written, in order."""
        return Call(kind, sorted(self.steps, key=lambda item: item.at_s))

    def _post(self, at_s: float, path: str, session: str, body: dict[str, Any]) -> None:
        self.steps.append(step(at_s, path, body | {"token": f"@session-{session}@"}))

    def _ids(self, connection: str) -> dict[str, str]:
        return {"peerId": f"@peer-{connection}@", "connectionId": f"@connection-{connection}@"}
