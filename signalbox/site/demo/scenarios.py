"""Made-up calls, one function per scenario."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from signalbox.site.demo.people import conference_name, people, session_body
from signalbox.site.demo.stats import Line, Meter
from signalbox.site.demo.steps import Call, Step, step

INTERVAL_S: Final = 10.0
GOOD = Line()
LOSSY = Line(loss=0.12, rtt_s=0.28, jitter_s=0.05, buffer_s=0.16, candidate="srflx", scale=0.4)
RELAYED = Line(loss=0.01, rtt_s=0.09, jitter_s=0.012, candidate="relay")
RELAYED_TCP = Line(
    loss=0.0, rtt_s=0.16, jitter_s=0.03, buffer_s=0.1, candidate="relay", protocol="tcp", scale=0.7
)


@dataclass(slots=True)
class Writer:
    """Writes down the steps of one call."""

    dice: random.Random
    api_key: str
    tag: str
    title: str
    steps: list[Step] = field(default_factory=list)

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
        body = session_body(self.dice) | {"token": f"@init-{name}@"}
        self.steps.append(
            step(at_s + 0.1, "/sessions", body, learns={"token": f"@session-{name}@"})
        )
        return name

    def media(self, session: str, at_s: float, *, error: str | None = None) -> None:
        """The page asks for camera and microphone; `error` is the name of the refusal."""
        self._post(
            at_s,
            "/events/get-user-media",
            session,
            {"eventName": "getUserMedia", "data": {"constraints": {"audio": True, "video": True}}},
        )
        found: dict[str, Any] = {
            kind: [self._local_track(session, kind)] for kind in ("audio", "video")
        }
        data = {"error": {"name": error, "message": "Permission denied"}} if error else found
        self._post(
            at_s + 0.8,
            "/events/get-user-media",
            session,
            {"eventName": "getUserMedia", "data": data},
        )

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
        self, session: str, peer: tuple[str, str], at_s: float, *, is_sfu: bool = False
    ) -> str:
        """A connection is added and offers; answers its name."""
        name = f"{session}>{peer[0]}"
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
        self.event(
            name, at_s + 0.05, "onsignalingstatechange", {"signalingState": "have-local-offer"}
        )
        self.event(name, at_s + 0.06, "onicegatheringstatechange", "gathering")
        for number in range(3):
            candidate = {
                "candidate": f"candidate:{number} 1 udp 2122194687 192.0.2.10 {50000 + number} typ host",
                "type": "host",
                "protocol": "udp",
                "sdpMid": "0",
            }
            self.event(name, at_s + 0.08 + number / 100, "onicecandidate", candidate)
        self.event(name, at_s + 0.25, "onsignalingstatechange", {"signalingState": "stable"})
        self.event(name, at_s + 0.3, "oniceconnectionstatechange", "checking")
        self.event(name, at_s + 0.31, "onconnectionstatechange", "connecting")
        return name

    def connected(self, connection: str, at_s: float) -> None:
        """A path is found."""
        self.event(connection, at_s, "oniceconnectionstatechange", "connected")
        self.event(connection, at_s + 0.05, "onconnectionstatechange", "connected")
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

    def event(self, connection: str, at_s: float, name: str, data: Any) -> None:
        """An event of a connection."""
        self._post(
            at_s,
            "/connection",
            connection.partition(">")[0],
            {"eventName": name, "data": data, "timestamp": None} | self._ids(connection),
        )

    def stats(
        self,
        connection: str,
        start_s: float,
        end_s: float,
        line: Line,
        *,
        sends: bool = True,
        receives: bool = True,
    ) -> None:
        """Reports every ten seconds."""
        meter = Meter(
            connection, line, self.dice, sends=sends, receives=receives, interval_s=INTERVAL_S
        )
        at_s = start_s + INTERVAL_S
        while at_s < end_s:
            body = {"data": meter.report(at_s), "timeTaken": self.dice.randrange(1, 9)} | self._ids(
                connection
            )
            self._post(at_s, "/stats", connection.partition(">")[0], body)
            at_s += INTERVAL_S

    def browser(self, session: str, at_s: float, body: dict[str, Any]) -> None:
        """An event of the page."""
        self._post(at_s, "/events/browser", session, body)

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


def _mesh(write: Writer, kind: str, line_of: Callable[[int], Line], size: int) -> Call:
    """Everybody is connected with everybody else."""
    dice = write.dice
    who = people(dice, size)
    end_s = dice.uniform(90, 900)
    arrivals = sorted(dice.uniform(0, 12) for _ in who)
    arrivals[0] = 0.0
    for number, (person, arrival) in enumerate(zip(who, arrivals, strict=True)):
        session = write.enter(person, arrival)
        write.media(session, arrival + 0.5)
        for other, later in zip(who, arrivals, strict=True):
            if other != person:
                start = max(arrival, later) + 2
                connection = write.connect(session, other, start)
                write.connected(connection, start + dice.uniform(0.4, 1.6))
                write.stats(connection, start, end_s, line_of(number))
        if dice.random() < 0.5:
            write.browser(
                session, arrival + 30, {"eventName": "custom", "data": {"eventName": "mute"}}
            )
            write.browser(
                session, arrival + 45, {"eventName": "custom", "data": {"eventName": "unmute"}}
            )
        write.leave(session, end_s + number)
    return write.call(kind)


def good(write: Writer) -> Call:
    """Two or three people, a good network."""
    return _mesh(write, "good", lambda _: GOOD, write.dice.choice((2, 2, 2, 3)))


def lossy(write: Writer) -> Call:
    """One of two sits behind a bad network."""
    return _mesh(write, "lossy", lambda number: GOOD if number else LOSSY, 2)


def relayed(write: Writer) -> Call:
    """A firewall between two people, one of them without UDP."""
    tcp = write.dice.random() < 0.4
    return _mesh(write, "relayed", lambda number: RELAYED_TCP if tcp and number else RELAYED, 2)


def failed(write: Writer) -> Call:
    """No path is found."""
    who = people(write.dice, 2)
    session = write.enter(who[0], 0.0)
    write.media(session, 0.5)
    connection = write.connect(session, who[1], 2.0)
    for number in range(3):
        write.event(connection, 9.0 + number, "onicecandidateerror", {"errorCode": 701})
    write.event(connection, 17.0, "oniceconnectionstatechange", "failed")
    write.event(connection, 17.1, "onconnectionstatechange", "failed")
    write.leave(session, 31.0)
    return write.call("failed")


def denied(write: Writer) -> Call:
    """Camera and microphone are refused, and the participant gives up."""
    session = write.enter(people(write.dice, 1)[0], 0.0)
    error = write.dice.choice(
        ("NotAllowedError", "NotAllowedError", "NotFoundError", "NotReadableError")
    )
    write.media(session, 0.5, error=error)
    write.media(session, 8.0, error=error)
    write.leave(session, 21.0)
    return write.call("permission denied")


def rejoining(write: Writer) -> Call:
    """The connection breaks; the participant reloads the page twice."""
    who = people(write.dice, 2)
    at_s = 0.0
    for part in range(3):
        session = write.enter(who[0], at_s, part)
        write.media(session, at_s + 0.4)
        connection = write.connect(session, who[1], at_s + 1.5)
        write.connected(connection, at_s + 2.4)
        end_s = at_s + write.dice.uniform(50, 140)
        write.stats(connection, at_s + 2.4, end_s, LOSSY if part < 2 else GOOD)
        if part < 2:
            write.event(connection, end_s - 4, "oniceconnectionstatechange", "disconnected")
            write.event(connection, end_s - 4, "onconnectionstatechange", "disconnected")
        write.leave(session, end_s)
        at_s = end_s + 3
    return write.call("rejoining")


def sfu(write: Writer) -> Call:
    """Four people around one server, a connection to send and one to receive each."""
    end_s = write.dice.uniform(120, 900)
    for number, person in enumerate(people(write.dice, 4)):
        start = number * 3.0
        session = write.enter(person, start)
        write.media(session, start + 0.4)
        for direction in ("send", "receive"):
            connection = write.connect(
                session, (f"demo-sfu-{direction}", f"SFU ({direction})"), start + 1.5, is_sfu=True
            )
            write.connected(connection, start + 2.2)
            write.stats(
                connection,
                start + 2.2,
                end_s,
                GOOD,
                sends=direction == "send",
                receives=direction == "receive",
            )
        write.browser(session, end_s + number, {"eventName": "endCall"})
    return write.call("SFU")


WEIGHTS: Final[dict[Callable[[Writer], Call], int]] = {
    good: 8,
    lossy: 3,
    relayed: 3,
    failed: 1,
    denied: 1,
    rejoining: 2,
    sfu: 3,
}


def made_up_call(
    scenario: Callable[[Writer], Call], dice: random.Random, api_key: str, tag: str
) -> Call:
    """A call of this scenario."""
    return scenario(Writer(dice, api_key, tag, conference_name(dice)))
