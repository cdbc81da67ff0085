"""A browser's stats by id (W3C webrtc-stats, as `RTCPeerConnection.getStats` gives them) in the shape that the SDK posts."""

from __future__ import annotations

from typing import Any, Final

from signalbox.monitoring.rules.traces.rtcstats import Reports, finite

_CODEC: Final = ("clockRate", "mimeType", "payloadType")
_LOCAL: Final = {"inbound-rtp": "inbound", "outbound-rtp": "outbound"}
_REMOTE: Final = {"remote-inbound-rtp": "inbound", "remote-outbound-rtp": "outbound"}
_BYTES: Final = {"inbound": "bytesReceived", "outbound": "bytesSent"}
_PACKETS: Final = {"inbound": "packetsReceived", "outbound": "packetsSent"}

Report = dict[str, Any]


def shaped(reports: Reports, before: Reports) -> dict[str, Any]:
    """`data` of a stats post. `before` are the same connection's reports of the last time, for the rates; empty the first time."""
    data: dict[str, Any] = {kind: {"inbound": [], "outbound": []} for kind in ("audio", "video")}
    data["remote"] = {kind: {"inbound": [], "outbound": []} for kind in ("audio", "video")}
    for key, report in reports.items():
        sort = report.get("type")
        kind = report.get("kind", report.get("mediaType"))
        if kind not in ("audio", "video") or not isinstance(sort, str):
            continue
        if sort in _LOCAL:
            part = _LOCAL[sort]
            data[kind][part].append(_flow(report, part, reports, before.get(key)))
        elif sort in _REMOTE:
            data["remote"][kind][_REMOTE[sort]].append(report | _codec(report, reports))
    data["connection"] = _pair(reports)
    return data


def _codec(report: Report, reports: Reports) -> Report:
    codec = reports.get(str(report.get("codecId")), {})
    return {name: codec[name] for name in _CODEC if name in codec}


def _flow(report: Report, part: str, reports: Reports, before: Report | None) -> Report:
    flow = {"mediaType": report.get("kind")} | report | _codec(report, reports)
    flow["track"] = reports.get(str(report.get("mediaSourceId")), {})
    if before is not None:
        seconds = (_number(report, "timestamp") - _number(before, "timestamp")) / 1000
        for name, counter in (("bitrate", _BYTES[part]), ("packetRate", _PACKETS[part])):
            if seconds > 0:
                change = _number(report, counter) - _number(before, counter)
                flow[name] = max(0.0, change / seconds * 8)
    return flow


def _number(report: Report, name: str) -> float:
    return finite(report.get(name)) or 0.0


def _pair(reports: Reports) -> Report:
    """The selected pair with both ends; the SDK's empty form before there is one."""
    counts = [report for report in reports.values() if report.get("type") == "peer-connection"]
    opened: Report = {
        name: counts[0][name]
        for name in ("dataChannelsOpened", "dataChannelsClosed")
        if counts and name in counts[0]
    }
    selected = _selected(reports)
    if selected is None:
        return {"inbound": [], "outbound": [], **opened}
    ends = {
        "local": reports.get(str(selected.get("localCandidateId")), {}),
        "remote": reports.get(str(selected.get("remoteCandidateId")), {}),
    }
    return selected | ends | opened


def _selected(reports: Reports) -> Report | None:
    for report in reports.values():
        found = reports.get(str(report.get("selectedCandidatePairId")))
        if report.get("type") == "transport" and found is not None:
            return found
    pairs = [report for report in reports.values() if report.get("type") == "candidate-pair"]
    for pair in pairs:
        if pair.get("selected") is True:
            return pair
    good = [pair for pair in pairs if pair.get("nominated") and pair.get("state") == "succeeded"]
    return max(good, key=lambda pair: _number(pair, "bytesReceived"), default=None)
