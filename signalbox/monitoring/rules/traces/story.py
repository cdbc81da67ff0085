"""A trace told as what the SDK would have posted: steps with a route and a body.

A trace is what one page saw. Every peer connection becomes a connection to a peer of its own, for a trace does not tell who is at the other end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import msgspec

from signalbox.monitoring.rules.traces.rtcstats import Reports, TraceEvent, described
from signalbox.monitoring.rules.traces.shape import shaped

Route = Literal[
    "session", "add", "connection", "media", "browser", "track", "change", "stats", "who"
]
_MEDIA: Final = "navigator.mediaDevices."
_TRACK: Final = "MediaStreamTrack."
# What says nothing that another line does not, or nothing about the call.
_SILENT: Final = frozenset(
    {
        "websocket", "constraints", "createOffer", "createAnswer", "addIceCandidate", "addIceCandidateOnSuccess", "addTrack",
        "addTrackOnSuccess", "addTransceiver", "addTransceiverOnSuccess", "removeTrack", "createDataChannel", "setConfiguration",
        "setCodecPreferences", "setHeaderExtensionsToNegotiate", "setParameters", "replaceTrack", "HTMLMediaElement.resize",
        "transceiverAdded", "transceiverModified", "onaddstream", "onremovestream", "setRemoteDescriptionOnSuccess",
        "icecandidate", "iceconnectionstatechange", "signalingstatechange",
    }
)  # fmt: skip
_STATES: Final = frozenset(
    {"oniceconnectionstatechange", "onconnectionstatechange", "onicegatheringstatechange"}
)
_BROWSERS: Final = (
    ("Google Chrome", "Chrome"), ("Microsoft Edge", "Edge"), ("Opera", "Opera"), ("Brave", "Brave"), ("Chromium", "Chrome"),
)  # fmt: skip
_LEGACY_TRACK: Final = re.compile(r"(audio|video):(\S+)")
_BY_AGENT: Final = (
    (re.compile(r"Edg/([\d.]+)"), "Edge"), (re.compile(r"Firefox/([\d.]+)"), "Firefox"), (re.compile(r"Chrome/([\d.]+)"), "Chrome"),
    (re.compile(r"Version/([\d.]+).*Safari"), "Safari"),
)  # fmt: skip


class Step(NamedTuple):
    """One post of the SDK: its route, its fields, the trace's name of the connection it is about."""

    at_ms: float
    route: Route
    body: dict[str, Any]
    connection: str | None = None


class StoryState(msgspec.Struct):
    """What later lines depend on; plain data."""

    open: list[str] = []
    local: dict[str, dict[str, str]] = {}
    remote: dict[str, dict[str, str]] = {}
    created: dict[str, dict[str, str]] = {}
    kinds: dict[str, str] = {}  # of local tracks


class Story:
    """Tells one trace, event by event."""

    def __init__(self, state: StoryState | None = None) -> None:
        self.state = state or StoryState(open=[], local={}, remote={}, created={}, kinds={})
        self._reports: dict[str, Reports] = {}
        self._tell = self._tellers()

    def steps(self, event: TraceEvent) -> list[Step]:
        """What the SDK would have posted; nothing for lines that say nothing new."""
        if event.method in _SILENT:
            return []
        if event.connection is not None and not event.method.startswith(_MEDIA):
            return self._of_connection(event)
        return self._of_page(event)

    def _of_connection(self, event: TraceEvent) -> list[Step]:
        name = event.connection
        assert name is not None
        begun: list[Step] = []
        if event.method == "create":
            self._forget(name)
            return self._begin(event)
        if name not in self.state.open:
            if event.method in ("close", "remove", "getStats"):
                return []  # of a connection that is over
            begun = self._begin(event._replace(value=None))
        tell = self._tell.get(event.method, self._other)
        return [*begun, *tell(event)]

    def _tellers(self) -> dict[str, Callable[[TraceEvent], list[Step]]]:
        """How the lines of a connection are told."""
        return {
            **dict.fromkeys(_STATES, self._state),
            "onsignalingstatechange": self._signaling,
            "onnegotiationneeded": self._bare,
            "ondatachannel": self._bare,
            "onicecandidate": self._candidate,
            "onicecandidateerror": self._candidate,
            "createOfferOnSuccess": self._created,
            "createAnswerOnSuccess": self._created,
            "setLocalDescription": self._local,
            "setLocalDescriptionOnSuccess": self._local,
            "setRemoteDescription": self._remote,
            "ontrack": self._arrived,
            _TRACK + "onmute": self._muted,
            _TRACK + "onunmute": self._muted,
            "getStats": self._stats,
            "close": self._closed,
            "remove": self._closed,
        }

    def _forget(self, name: str) -> None:
        for kept in (self.state.local, self.state.remote, self.state.created):
            kept.pop(name, None)
        if name in self.state.open:
            self.state.open.remove(name)
        self._reports.pop(name, None)

    def _begin(self, event: TraceEvent) -> list[Step]:
        assert event.connection is not None
        self.state.open.append(event.connection)
        steps = [Step(event.at_ms, "add", {"connectionState": "new"}, event.connection)]
        if isinstance(event.value, dict):
            details = {"peerConfiguration": event.value}
            steps.append(_post(event, "peerDetails", details))
        return steps

    def _other(self, event: TraceEvent) -> list[Step]:
        """Any other call on a connection: kept as an event, so that failures can be read."""
        return [_post(event, event.method, _plain(event.value))]

    def _state(self, event: TraceEvent) -> list[Step]:
        return [_post(event, event.method, _plain(event.value))]

    def _signaling(self, event: TraceEvent) -> list[Step]:
        name = event.connection or ""
        data = {
            "signalingState": _plain(event.value),
            "localDescription": self.state.local.get(name),
            "remoteDescription": self.state.remote.get(name),
        }
        return [_post(event, event.method, data)]

    def _bare(self, event: TraceEvent) -> list[Step]:
        return [_post(event, event.method, None)]

    def _candidate(self, event: TraceEvent) -> list[Step]:
        value = event.value if isinstance(event.value, dict) else None
        return [_post(event, event.method, value)]

    def _created(self, event: TraceEvent) -> list[Step]:
        name = event.connection or ""
        whole = described(self.state.local.get(name), event.value)
        if whole is not None:
            self.state.created[name] = whole
        return []

    def _local(self, event: TraceEvent) -> list[Step]:
        name = event.connection or ""
        base = self.state.local.get(name) or self.state.created.get(name)
        whole = described(base, event.value)
        if whole is not None:
            self.state.local[name] = whole
        return []

    def _remote(self, event: TraceEvent) -> list[Step]:
        name = event.connection or ""
        whole = described(self.state.remote.get(name), event.value)
        if whole is not None:
            self.state.remote[name] = whole
        return []

    def _arrived(self, event: TraceEvent) -> list[Step]:
        track = track_of(event.value)
        if track is None:
            return []
        data = track | {"direction": "inbound", "readyState": "live"}
        return [Step(event.at_ms, "track", {"event": "ontrack", "trackId": track["id"], "data": data}, event.connection)]  # fmt: skip

    def _muted(self, event: TraceEvent) -> list[Step]:
        if not isinstance(event.value, str) or not event.value:
            return []
        change = event.method.removeprefix(_TRACK + "on")
        body = {"event": change, "trackId": event.value, "data": {}}
        return [Step(event.at_ms, "change", body, event.connection)]

    def _stats(self, event: TraceEvent) -> list[Step]:
        name = event.connection or ""
        data = shaped(event.value, self._reports.get(name, {}))
        self._reports[name] = event.value
        return [Step(event.at_ms, "stats", {"data": data}, name)]

    def _closed(self, event: TraceEvent) -> list[Step]:
        name = event.connection or ""
        self._forget(name)
        return [_post(event, "removeConnection", None)]

    def _of_page(self, event: TraceEvent) -> list[Step]:
        if event.method.startswith(_MEDIA):
            return self._media(event)
        if event.method == "create":
            value = event.value if isinstance(event.value, dict) else {}
            return [Step(event.at_ms, "session", {"platform": platform_of(value)})]
        if event.method == "identity":
            value = event.value if isinstance(event.value, dict) else {}
            return [Step(event.at_ms, "who", value)]
        if event.method.startswith(_TRACK):
            return self._own_track(event)
        data = {"eventName": event.method.removeprefix(":")}
        if event.value is not None:
            data |= event.value if isinstance(event.value, dict) else {"value": event.value}
        return [Step(event.at_ms, "browser", {"eventName": "custom", "data": data})]

    def _own_track(self, event: TraceEvent) -> list[Step]:
        what = event.method.removeprefix(_TRACK)
        named = [item for item in (event.value, *event.extra) if isinstance(item, str)]
        track = next((item for item in named if item in self.state.kinds), None)
        if track is None:
            return []
        if what in ("stop", "onended"):
            data = {"check": "readyState"} if what == "stop" else {}
            return [Step(event.at_ms, "change", {"event": "ended", "trackId": track, "data": data})]
        if what == "enabled" and self.state.kinds[track] == "audio":
            data = {"eventName": "unmute" if event.value else "mute", "trackId": track}
            return [Step(event.at_ms, "browser", {"eventName": "custom", "data": data})]
        return []

    def _media(self, event: TraceEvent) -> list[Step]:
        what = event.method.removeprefix(_MEDIA)
        if what == "ondevicechange":
            return [Step(event.at_ms, "browser", {"eventName": "mediaDeviceChange"})]
        if what == "enumerateDevices":
            devices = event.value if isinstance(event.value, list) else []
            return [Step(event.at_ms, "session", {"devices": devices})] if devices else []
        name = what.removesuffix("OnSuccess").removesuffix("OnFailure")
        if what.endswith("OnFailure"):
            data: dict[str, Any] = {"error": _error(event.value)}
        elif what.endswith("OnSuccess"):
            data = self._granted(event.value)
        else:
            data = {"constraints": event.value if event.value is not None else {}}
        return [Step(event.at_ms, "media", {"eventName": name, "data": data})]

    def _granted(self, value: Any) -> dict[str, Any]:
        listed = value.get("tracks") if isinstance(value, dict) else value
        found = [track_of(item) for item in (listed if isinstance(listed, list) else [])]
        tracks = [track for track in found if track is not None]
        self.state.kinds |= {track["id"]: track["kind"] for track in tracks}
        live = [{"readyState": "live", "enabled": True, "muted": False} | track for track in tracks]
        return {
            kind: [track for track in live if track["kind"] == kind] for kind in ("audio", "video")
        }


def _post(event: TraceEvent, name: str, data: Any) -> Step:
    return Step(event.at_ms, "connection", {"eventName": name, "data": data}, event.connection)


def _plain(value: Any) -> Any:
    """A text, of which Chrome's own dumps keep the quotation marks."""
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value


def _error(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"name": value.get("name"), "message": value.get("message")}
    name, colon, message = str(value).partition(": ")
    return {"name": name if colon else "Error", "message": message if colon else name}


def track_of(value: Any) -> dict[str, Any] | None:
    """id, kind and label of a track in any of the ways that traces write it; None for anything else."""
    if isinstance(value, list) and len(value) >= 2:
        kind, key, label = value[0], value[1], value[2] if len(value) > 2 else None
    elif isinstance(value, dict):
        kind, key, label = value.get("kind"), value.get("id"), value.get("label")
    elif isinstance(value, str) and (found := _LEGACY_TRACK.search(value)):
        kind, key, label = found.group(1), found.group(2), None
    else:
        return None
    if kind not in ("audio", "video") or not isinstance(key, str) or not key:
        return None
    return {"id": key, "kind": kind, "label": label if isinstance(label, str) else None}


def platform_of(page: dict[str, Any]) -> dict[str, Any]:
    """What the page tells of its browser, with `browser` and `os` as the SDK names them."""
    data = page.get("userAgentData")
    agent = page.get("userAgent")
    told: dict[str, Any] = {key: value for key, value in page.items() if value is not None}
    if isinstance(data, dict):
        brands = data.get("brands")
        names = {
            item.get("brand"): item.get("version")
            for item in (brands if isinstance(brands, list) else [])
            if isinstance(item, dict) and isinstance(item.get("brand"), str)
        }
        for brand, name in _BROWSERS:
            if brand in names:
                told["browser"] = {"name": name, "version": names[brand]}
                break
        if isinstance(data.get("platform"), str):
            told["os"] = {"name": data["platform"]}
    elif isinstance(agent, str):
        for pattern, name in _BY_AGENT:
            if found := pattern.search(agent):
                told["browser"] = {"name": name, "version": found.group(1)}
                break
    return told
