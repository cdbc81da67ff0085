"""From a body to a message for the writer: validation of every kind of event, complete before anything is stored."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from signalbox.core.compression import pack
from signalbox.core.ids import new_id
from signalbox.monitoring.errors import InvalidParameters, MissingParameters
from signalbox.monitoring.rules.calls import LEAVES, SessionFact
from signalbox.monitoring.rules.connection import (
    GATHERING_STATES,
    ICE_STATES,
    SIGNALING_STATES,
    STATES,
    Fact,
    is_established_by,
)
from signalbox.monitoring.rules.figures import millis, real, score, whole
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.store.messages import (
    AddConnection,
    Event,
    Flow,
    Sample,
    TrackSighting,
)
from signalbox.monitoring.wire import (
    Body,
    Candidate,
    Flows,
    Pair,
    Report,
    StatsData,
    any_value,
    connection_uuid,
    decode_stats,
    delta_ms,
    event_name,
    exact_text,
    is_json_null,
    required_text,
    storable,
    uuid_or_none,
    without_credentials,
)

MAX_FLOWS = 1_000  # of one report; each may name a track, which becomes a row of its own
MAX_MEDIA_TRACKS = 50  # of one kind that one request for media gave
CANDIDATE_TYPES = frozenset({"host", "srflx", "prflx", "relay"})
_CANDIDATE_KEYS = (
    "address", "candidate", "component", "foundation", "port", "priority", "protocol", "relatedAddress", "relatedPort",
    "sdpMLineIndex", "sdpMid", "tcpType", "type", "usernameFragment",
)  # fmt: skip
_encode = msgspec.json.Encoder().encode


def packed(raw: bytes) -> bytes | None:
    """JSON bytes for storing; None for null."""
    return None if raw.strip() == b"null" else pack(raw)


def digest_of(name: str, body: Body, data: bytes) -> int:
    """64 bits that identify an event by its content, without token and time."""
    names = repr((name, body.peerId, body.connectionId, body.trackId)).encode("utf-8", "replace")
    content = b"\0".join((names, data, body.focus, body.devices))
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") or 1


def event_time(body: Body, received_us: int, *, outer_ms: float = 0.0) -> int:
    """When it happened: the server's time less the client's delay."""
    inner = body.delta if body.delta is not None else body.timeDelta
    return received_us - round((delta_ms(inner) + outer_ms) * 1000)


# --- connection events ----------------------------------------------------------------------------


def _state_of(allowed: tuple[str, ...]) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or value not in allowed:
            raise InvalidParameters(field="data")
        return value

    return read


def _signaling(value: Any) -> Any:
    state = value.get("signalingState") if isinstance(value, dict) else None
    if not isinstance(state, str) or state not in SIGNALING_STATES:
        raise InvalidParameters(field="data")
    return state


def _candidate(value: Any) -> Any:
    if value is not None and not isinstance(value, dict):
        raise InvalidParameters(field="data")
    return value


def _legacy_error(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 300 < value < 799:
        raise InvalidParameters(field="data")
    return value


def _nothing(value: Any) -> Any:
    if value is not None:
        raise InvalidParameters(field="data")
    return value


def _stats(value: Any) -> Any:
    if (
        not isinstance(value, dict)
        or not {"audio", "video", "connection", "remote"} <= value.keys()
    ):
        raise InvalidParameters(field="data")
    return value


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "oniceconnectionstatechange": _state_of(ICE_STATES),
    "onconnectionstatechange": _state_of(STATES),
    "onicegatheringstatechange": _state_of(GATHERING_STATES),
    "onsignalingstatechange": _signaling,
    "onicecandidate": _candidate,
    "icecandidateerror": _legacy_error,
    "connectionstatechange": _state_of(STATES),
    "negotiationneeded": _nothing,
    "datachannel": _nothing,
    "stats": _stats,
}
_FACT_KINDS = {
    "onconnectionstatechange": "state",
    "oniceconnectionstatechange": "ice",
    "onsignalingstatechange": "signaling",
    "onnegotiationneeded": "needed",
    "onicecandidateerror": "ice_error",
    "removeConnection": "end",
}
_NEED_CONNECTION = frozenset({*_FACT_KINDS, "onicegatheringstatechange"})


def connection_event(
    body: Body, session: SessionKey, received_us: int, *, outer_ms: float = 0.0
) -> Event:
    """An event of POST /connection; addConnection too."""
    peer = required_text(body.peerId, "peerId", limit=64)
    name = event_name(body)
    at_us = event_time(body, received_us, outer_ms=outer_ms)
    if name == "addConnection":
        return _added(body, session, peer, at_us)
    return _checked(body, session, name, "C", at_us, peer=peer)


def _added(body: Body, session: SessionKey, peer: str, at_us: int) -> Event:
    state = (
        body.connectionState
        if isinstance(body.connectionState, str) and body.connectionState in STATES
        else "new"
    )
    add = AddConnection(
        id=new_id(),
        peer_id=peer,
        peer_name=exact_text(body.peerName, "peerName", limit=64),
        state=state,
        is_sfu=body.isSfu is True,
    )
    data = {
        "peerId": peer,
        "peerName": add.peer_name,
        "connectionState": state,
        "isSfu": add.is_sfu,
    }
    return Event(
        id=new_id(),
        session=session,
        name="addConnection",
        category="C",
        at_us=at_us,
        data=pack(_encode(data)),
        digest=0,
        add=add,
    )


def _checked(
    body: Body, session: SessionKey, name: str, category: str, at_us: int, *, peer: str | None
) -> Event:
    """Any event that may belong to a connection, its data checked by its name."""
    raw = bytes(body.data)
    check = _CHECKS.get(name)
    value = any_value(body.data) if check is not None or name == "onicecandidateerror" else None
    detail = check(value) if check is not None else value
    if name == "onicecandidate" and isinstance(value, dict):
        raw = _encode({key: value[key] for key in _CANDIDATE_KEYS if value.get(key) is not None})
    if name == "peerDetails":
        raw = without_credentials(raw)
    event = Event(
        id=new_id(), session=session, name=name, category=category, at_us=at_us, data=packed(raw), digest=digest_of(name, body, raw),
        peer=peer, peer_uuid=uuid_or_none(peer), connection=None if body.connectionId in (None, "") else connection_uuid(body.connectionId),
        needs_connection=category == "C" and name in _NEED_CONNECTION, remove_peer=category == "C" and name == "removePeer",
    )  # fmt: skip
    kind = _FACT_KINDS.get(name) if category == "C" else None
    if kind is not None:
        event.fact = Fact(at_us, kind, _small(detail), str(event.id))
    return event


def _small(value: Any) -> Any:
    """What a fact keeps of its data."""
    if isinstance(value, dict):
        return {
            key: value[key]
            for key in ("errorCode", "errorText", "url")
            if isinstance(value.get(key), str | int)
        }
    return value if isinstance(value, str) else None


# --- browser events -------------------------------------------------------------------------------


def browser_event(body: Body, session: SessionKey, received_us: int) -> Event:
    """An event of POST /events/browser."""
    name = event_name(body)
    for field, raw in (("focus", body.focus), ("devices", body.devices)):
        if not is_json_null(raw) and is_json_null(body.data):
            body.data = msgspec.Raw(b'{"%s":%s}' % (field.encode(), bytes(raw)))
    event = _checked(
        body, session, name, "B", event_time(body, received_us), peer=_optional_peer(body)
    )
    if not is_json_null(body.devices):
        event.devices = storable(body.devices)
    if name in LEAVES and name != "stop":
        event.session_facts.append(SessionFact(event.at_us, name, None, str(event.id)))
    return event


def _optional_peer(body: Body) -> str | None:
    return exact_text(body.peerId, "peerId", limit=64)


def media_event(body: Body, session: SessionKey, received_us: int) -> Event:
    """An event of POST /events/get-user-media."""
    name = event_name(body, default="getUserMedia")
    event = _checked(
        body, session, name, "M", event_time(body, received_us), peer=_optional_peer(body)
    )
    data = any_value(body.data)
    if name == "getUserMedia" and isinstance(data, dict):
        _take_media(event, data)
    return event


def _take_media(event: Event, data: dict[str, Any]) -> None:
    if data.get("constraints"):
        event.session_facts.append(SessionFact(event.at_us, "gum_request", None, str(event.id)))
    error = data.get("error")
    if error:
        named = error if isinstance(error, dict) else {"message": str(error)[:1000]}
        detail = {
            key: named.get(key) if isinstance(named.get(key), str) else None
            for key in ("name", "message")
        }
        event.session_facts.append(SessionFact(event.at_us, "gum_failure", detail, str(event.id)))
    for kind in ("audio", "video"):
        tracks = data.get(kind)
        for track in tracks[:MAX_MEDIA_TRACKS] if isinstance(tracks, list) else []:
            if isinstance(track, dict) and isinstance(track.get("id"), str) and track["id"]:
                event.tracks.append(sighting(track["id"], track, kind=kind, direction="outbound"))


# --- tracks ---------------------------------------------------------------------------------------


def sighting(
    track_id: str, data: dict[str, Any], *, kind: str | None = None, direction: str = "inbound"
) -> TrackSighting:
    """What a MediaStreamTrack, as the SDK describes it, tells."""
    given = data.get("direction")
    label = data.get("label")
    info: dict[str, Any] = {
        key: data[key]
        for key in ("muted", "enabled", "readyState", "contentHint", "capabilities", "settings")
        if key in data
    }
    if data.get("constraints"):
        info["constraints"] = data["constraints"]
    return TrackSighting(
        track_id=track_id[:40],
        kind=data["kind"] if data.get("kind") in ("audio", "video") else kind,
        direction=given if given in ("inbound", "outbound") else direction,
        label=label[:128] if isinstance(label, str) and label else None,
        info=info,
    )


def new_track(body: Body, session: SessionKey, received_us: int) -> Event:
    """POST /tracks."""
    return _track_event(body, session, received_us, change=None)


_CHANGES: dict[str, dict[str, Any]] = {
    "mute": {"muted": True},
    "unmute": {"muted": False},
    "ended": {"ended": True, "readyState": "ended"},
}


def changed_track(body: Body, session: SessionKey, received_us: int) -> Event:
    """PUT /tracks."""
    return _track_event(body, session, received_us, change=_CHANGES)


def _track_event(
    body: Body, session: SessionKey, received_us: int, *, change: dict[str, dict[str, Any]] | None
) -> Event:
    name = required_text(
        body.event if body.event is not None else body.eventName, "event", limit=32
    )
    track_id = required_text(body.trackId, "trackId", limit=40)
    event = _checked(
        body, session, name, "T", event_time(body, received_us), peer=_optional_peer(body)
    )
    if change is not None:
        found = TrackSighting(
            track_id=track_id,
            kind=None,
            direction=None,
            info=dict(change.get(name, {})),
            create=False,
        )
    else:
        data = any_value(body.data)
        found = sighting(track_id, data if isinstance(data, dict) else {})
    found.connection = event.connection
    # A change may overtake the track's announcement, or the SDK may have lost that: the connection vouches for the track.
    found.create = change is None or event.connection is not None
    event.tracks, event.answer_track = [found], True
    return event


# --- stats ----------------------------------------------------------------------------------------

_PARTS = (
    ("audio", "inbound", 0),
    ("audio", "outbound", 1),
    ("video", "inbound", 2),
    ("video", "outbound", 3),
)
_NO_PAIR, _NO_END = Pair(), Candidate()


def stats_sample(
    body: Body, session: SessionKey, received_us: int, *, emos_version: int, thin: bool
) -> Sample:
    """POST /stats."""
    connection = connection_uuid(body.connectionId)
    raw = bytes(body.data)
    if raw == b"null":
        raise MissingParameters(field="data")
    data = decode_stats(body.data)
    at_us = event_time(body, received_us)
    pair = data.connection or _NO_PAIR
    local = pair.local or _NO_END
    taken = body.timeTaken
    flows = _flows(data, emos_version)
    return Sample(
        id=new_id(), session=session, connection=connection, at_us=at_us, stamp=_stamp(data, pair, at_us),
        report=None if thin else pack(raw),
        time_taken_ms=real(taken) if isinstance(taken, int | float) and not isinstance(taken, bool) else None,
        rtt_ms=millis(pair.currentRoundTripTime), available_bps=real(pair.availableOutgoingBitrate),
        local_type=local.candidateType if local.candidateType in CANDIDATE_TYPES else None,
        local_type_given=local.candidateType is not None, tcp=local.protocol == "tcp", turn=local.candidateType == "relay",
        established=_established(data, pair), flows=flows,
        emos_version=emos_version if any(flow.emos is not None for flow in flows) else None,
    )  # fmt: skip


def _stamp(data: StatsData, pair: Pair, at_us: int) -> int:
    """32 bits that a repeated report has too: its own timestamps, else its instant to a tenth of a second."""
    stamps = [pair.timestamp] if pair.timestamp is not None else []
    for flows in (data.audio, data.video):
        for reports in (flows.inbound, flows.outbound) if flows else ():
            stamps.extend(
                report.timestamp for report in reports or () if report.timestamp is not None
            )
    if not stamps:
        return zlib.crc32(struct.pack("<q", at_us // 100_000))
    return zlib.crc32(struct.pack(f"<{len(stamps)}d", *stamps))


def _established(data: StatsData, pair: Pair) -> bool:
    local, remote = pair.local or _NO_END, pair.remote or _NO_END
    by_pair = is_established_by(
        state=pair.state, nominated=bool(pair.nominated), selected=bool(pair.selected), sent=pair.bytesSent or 0,
        received=pair.bytesReceived or 0, rtt=pair.currentRoundTripTime, local=local.candidateType, remote=remote.candidateType,
    )  # fmt: skip
    if by_pair:
        return True
    far = data.remote
    return any(
        _flowed(flows)
        for flows in (
            data.audio,
            data.video,
            far.audio if far else None,
            far.video if far else None,
        )
    )


def _flowed(flows: Flows | None) -> bool:
    if flows is None:
        return False
    reports = [*(flows.inbound or ()), *(flows.outbound or ())]
    return any(
        (value or 0) > 0
        for report in reports
        for value in (
            report.bytesReceived,
            report.bytesSent,
            report.packetsReceived,
            report.packetsSent,
        )
    )


def _flows(data: StatsData, emos_version: int) -> list[Flow]:
    flows: list[Flow] = []
    for kind, direction, code in _PARTS:
        part = data.audio if kind == "audio" else data.video
        if part is None:
            continue
        reports = (part.inbound if direction == "inbound" else part.outbound) or ()
        counted = islice(reports, MAX_FLOWS - len(flows))
        flows.extend(_flow(report, code, data, emos_version) for report in counted)
    return flows


def _flow(report: Report, code: int, data: StatsData, emos_version: int) -> Flow:
    track = (
        report.track.trackIdentifier
        if report.track is not None and report.track.trackIdentifier
        else report.trackIdentifier
    )
    inbound = code in (0, 2)
    return Flow(
        code,
        track[:40] if track else None,
        whole(report.bytesReceived if inbound else report.bytesSent),
        whole(report.packetsReceived if inbound else report.packetsSent),
        whole(report.packetsLost) if inbound else None,
        millis(report.jitter),
        real(_score(report, data, emos_version)) if code == 0 else None,
    )


def _score(report: Report, data: StatsData, version: int) -> float | None:
    far = data.remote.audio if data.remote else None
    rtt_s = (
        next(
            (item.roundTripTime for item in (far.inbound or ()) if item.roundTripTime is not None),
            None,
        )
        if far
        else None
    )
    return score(
        report,
        remote_outbound=(far.outbound or ()) if far else (),
        rtt_ms=(rtt_s or 0) * 1000,
        version=version,
    )
