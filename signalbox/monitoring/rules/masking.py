"""What is taken out of reports before they are stored, where an app or the installation wants that.

Three masks. `addresses`: every IP address loses its last part (IPv4 keeps 24 bits, IPv6 48). `sdp`: what would let somebody join
the ICE or DTLS exchange is replaced by a star: user fragments, passwords, fingerprints, certificates, SDES keys. `devices`: labels and
ids of cameras, microphones and speakers become empty. Names of mDNS candidates (RFC 8828) stay: they are random. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

MASKS: Final = ("addresses", "sdp", "devices")
HIDDEN: Final = "*"
SHORTEST_CANDIDATE: Final = 12  # characters: no shorter text is a candidate or a description

_ADDRESS_KEYS: Final = frozenset({"address", "ip", "ipAddress", "relatedAddress", "raddr"})
_HOST_AND_PORT_KEYS: Final = frozenset({"hostCandidate", "googLocalAddress", "googRemoteAddress"})
_SECRET_KEYS: Final = frozenset(
    {
        "usernameFragment", "iceLocalUsernameFragment", "ufrag", "fingerprint", "base64Certificate", "icePwd", "password",
        "googFingerprint", "googDerBase64",
    }
)  # fmt: skip
_DEVICE_KEYS: Final = frozenset({"label", "deviceId", "groupId"})
_SECRET_LINES: Final = re.compile(
    r"(?m)^(a=(?:ice-ufrag|ice-pwd|fingerprint|crypto|tls-id|key-mgmt)):[^\r\n]*"
)
_SECRET_WORDS: Final = re.compile(r"\b(ufrag|pwd) [^ \r\n,]+")
# An address stands between blanks or at the end of a line: candidates, `c=`, `o=`, `a=rtcp:` (RFC 8866, RFC 8839).
_SDP_ADDRESS: Final = re.compile(
    r"(?<= )(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]+)(?=[ \r\n/]|$)"
)
_NAMED_CANDIDATE: Final = re.compile(r"^(?:a=)?candidate:")
# Older Chromes and traces write candidates as a list of words: "ip: 192.0.2.1, port: 4".
_LOOSE_ADDRESS: Final = re.compile(r"(?<=address: )[^ ,]+|(?<=ip: )[^ ,]+")


# Where a report tells of somebody. Anywhere else a name may be a word of the protocol: there are people called `host`.
_NAME_KEYS: Final = frozenset(
    {
        "peerId", "peerName", "userId", "userName", "participantId", "participantName", "user", "participant", "displayName", "name",
        "label",
    }
)  # fmt: skip


def renamed(value: Any, names: Collection[str], stand_in: str) -> Any:
    """The same value with another name where it tells of somebody by one of these names."""
    if isinstance(value, list):
        return [renamed(item, names, stand_in) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: stand_in
        if key in _NAME_KEYS and isinstance(item, str) and item in names
        else renamed(item, names, stand_in)
        for key, item in value.items()
    }


def truncated(text: str) -> str:
    """An IP address without its last part; any other text as it is."""
    try:
        return str(IPv4Address(int(IPv4Address(text)) >> 8 << 8))
    except AddressValueError:
        pass
    try:
        whole = IPv6Address(text.strip("[]").partition("%")[0])
    except AddressValueError:
        return text
    if whole.ipv4_mapped is not None:
        return f"::ffff:{truncated(str(whole.ipv4_mapped))}"
    return str(IPv6Address(int(whole) >> 80 << 80))


def _with_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    short = truncated(host) if port.isdigit() else host
    # What stands before the last colon is no address, or was truncated before: the whole may be an IPv6 address without a port.
    return truncated(text) if short == host else f"{short}:{port}"


def is_description(text: str) -> bool:
    """Whether a text is a session description or a candidate line."""
    return text.startswith("v=0") or _NAMED_CANDIDATE.match(text) is not None


def without_addresses(sdp: str) -> str:
    """A description or candidate with truncated addresses."""
    cut = _SDP_ADDRESS.sub(lambda found: truncated(found.group()), sdp)
    return _LOOSE_ADDRESS.sub(lambda found: truncated(found.group()), cut)


def without_secrets(sdp: str) -> str:
    """A description or candidate without what identifies and protects its exchange."""
    return _SECRET_WORDS.sub(rf"\1 {HIDDEN}", _SECRET_LINES.sub(rf"\1:{HIDDEN}", sdp))


def _emptied(value: Any) -> Any:
    """The same shape with empty texts: a constraint may be {"exact": id} or a list of ids."""
    if isinstance(value, str):
        return ""
    if isinstance(value, list):
        return [_emptied(item) for item in value]
    if isinstance(value, dict):
        return {key: _emptied(item) for key, item in value.items()}
    return value


class Masker:
    """Takes out what the chosen masks name."""

    def __init__(self, masks: Collection[str]) -> None:
        self._texts: list[Callable[[str], str]] = []
        self._keys: dict[str, Callable[[Any], Any]] = {}
        if "addresses" in masks:
            self._texts.append(without_addresses)
            self._keys |= dict.fromkeys(_ADDRESS_KEYS, _on_text(truncated))
            self._keys |= dict.fromkeys(_HOST_AND_PORT_KEYS, _on_text(_with_port))
        if "sdp" in masks:
            self._texts.append(without_secrets)
            self._keys |= dict.fromkeys(_SECRET_KEYS, _on_text(lambda _: HIDDEN))
        if "devices" in masks:
            self._keys |= dict.fromkeys(_DEVICE_KEYS, _emptied)

    def __call__(self, value: Any) -> Any:
        """The JSON value, masked. Objects and lists are changed in place: a report has hundreds of values and few that matter."""
        kind = type(value)
        if kind is dict:
            self._object(value)
        elif kind is list:
            self._list(value)
        elif kind is str:
            return self._text(value)
        return value

    def _object(self, value: dict[str, Any]) -> None:
        known = self._keys
        for key, item in value.items():
            if key in known:
                value[key] = known[key](item)
                continue
            kind = type(item)
            if kind is dict:
                self._object(item)
            elif kind is list:
                self._list(item)
            elif kind is str:
                value[key] = self._text(item)

    def _list(self, value: list[Any]) -> None:
        for index, item in enumerate(value):
            value[index] = self(item)

    def _text(self, text: str) -> str:
        if len(text) > SHORTEST_CANDIDATE and self._texts and is_description(text):
            for change in self._texts:
                text = change(text)
        return text


def _on_text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    def on(value: Any) -> Any:
        return change(value) if isinstance(value, str) and value else value

    return on
