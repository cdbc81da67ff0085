"""Session descriptions and candidates of made-up connections. All addresses are those of documentation (RFC 5737)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

_BODY: Final = (
    "v=0\r\no=- {number} 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS stream\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n{transport}a=mid:0\r\na=sendrecv\r\na=msid:stream audio\r\na=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n{transport}a=mid:1\r\na=sendrecv\r\na=msid:stream video\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
)


def description(kind: str, whose: str) -> dict[str, str]:
    """An offer or an answer of somebody's; the same each time."""
    mark = sha256(whose.encode()).hexdigest()
    setup = "actpass" if kind == "offer" else "active"
    fingerprint = ":".join(mark[at : at + 2].upper() for at in range(0, 64, 2))
    transport = (
        f"a=ice-ufrag:{mark[:4]}\r\na=ice-pwd:{mark[4:28]}\r\na=ice-options:trickle\r\n"
        f"a=fingerprint:sha-256 {fingerprint}\r\na=setup:{setup}\r\n"
    )
    return {"type": kind, "sdp": _BODY.format(number=int(mark[:15], 16), transport=transport)}


def candidates(whose: str, kind: str, round_: int = 0) -> list[dict[str, Any]]:
    """What ICE finds: host; then server reflexive; then relayed, as far as `kind` goes. A further round has another fragment."""
    mark = sha256(f"{whose} {round_}".encode()).hexdigest()
    kinds = ("host", "srflx", "relay")
    return [
        _candidate(one, mark, number) for number, one in enumerate(kinds[: kinds.index(kind) + 1])
    ]


def _candidate(kind: str, mark: str, number: int) -> dict[str, Any]:
    address = {"host": "192.0.2.10", "srflx": "198.51.100.4", "relay": "203.0.113.80"}[kind]
    port, priority = 50_000 + int(mark[:3], 16), (126, 100, 2)[number] << 24
    related = "" if kind == "host" else " raddr 192.0.2.10 rport 50000"
    return {
        "candidate": f"candidate:{number + 1} 1 udp {priority} {address} {port} typ {kind}{related} ufrag {mark[:4]}",
        "type": kind,
        "protocol": "udp",
        "address": address,
        "port": port,
        "priority": priority,
        "foundation": str(number + 1),
        "component": "rtp",
        "relatedAddress": None if kind == "host" else "192.0.2.10",
        "relatedPort": None if kind == "host" else 50_000,
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "tcpType": None,
        "usernameFragment": mark[:4],
    }
