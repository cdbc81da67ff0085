"""Bodies: what may be in them, and how one is looked at that is not yet known to be ours."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from signalbox.http.body import (
    ClientGone,
    Hold,
    Patience,
    Receive,
    announced_bytes,
    exact_length,
    read_body,
    read_packed,
    unpacked,
)
from signalbox.http.errors import (
    BodyTooSlow,
    InvalidParameters,
    PayloadTooLarge,
    UnknownError,
)
from signalbox.http.peers import header
from signalbox.playback.errors import InvalidSchema, TooLarge, TooSlow, WrongMediaType
from signalbox.playback.ingest.parts import Scope
from signalbox.playback.wire import PROBLEM_OF_BODY

UNPACKED_MAX_BYTES: Final = 4 * 1024 * 1024
RATIO_MAX: Final = 100
BODY_WITHIN_S: Final = 15.0  # what the SDK itself allows for sending it
_JSON: Final = re.compile(r"application/(json|[a-z0-9!#$&^_.+-]+\+json)", re.ASCII)
_CODINGS: Final = {
    "": None,
    "identity": None,
    "gzip": "gzip",
    "x-gzip": "gzip",
    "deflate": "deflate",
}


def check_size(scope: Scope, limit_bytes: int) -> None:
    """Refuse a body by the length that it announces. Raises TooLarge."""
    if announced_bytes(scope["headers"]) > limit_bytes:
        raise TooLarge(limit_bytes=limit_bytes)


def check_media_type(scope: Scope) -> str | None:
    """The coding to undo, None when there is none. Raises WrongMediaType for what is no JSON in UTF-8."""
    kind, *parameters = (header(scope, b"content-type") or "").lower().split(";")
    if not _JSON.fullmatch(kind.strip()):
        raise WrongMediaType(header="content-type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise WrongMediaType(header="content-type")
    return coding_of(scope)


def coding_of(scope: Scope) -> str | None:
    """The coding to undo, None when there is none. Raises WrongMediaType."""
    coding = (header(scope, b"content-encoding") or "").strip().lower()
    if coding not in _CODINGS:
        raise WrongMediaType(header="content-encoding")
    return _CODINGS[coding]


async def read_report_body(
    scope: Scope,
    receive: Receive,
    coding: str | None,
    *,
    limit_bytes: int,
    hold: Hold,
    patience: Patience,
) -> tuple[bytes, int]:
    """The body unpacked, and its length as it was sent.

    Raises:
        TooLarge, TooSlow, InvalidSchema: it cannot be read.
        Overloaded: `hold` has no room for it.
        ClientGone: there is nobody to answer.
    """
    try:
        packed = await read_packed(
            receive,
            limit_bytes=limit_bytes,
            hold=hold,
            patience=patience,
            announced=exact_length(scope["headers"]),
        )
        if coding is None:
            return packed, len(packed)
        plain = unpacked(packed, coding, limit_bytes=UNPACKED_MAX_BYTES, most_ratio=RATIO_MAX)
    except BodyTooSlow:
        raise TooSlow from None
    except PayloadTooLarge:
        raise TooLarge(limit_bytes=limit_bytes) from None
    except InvalidParameters:
        raise InvalidSchema([(PROBLEM_OF_BODY, "not_packed")]) from None
    hold(len(plain))
    return plain, len(packed)


class Replayed:
    """A body that was read to see whose it is, to be read once more by whom it belongs to."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Any] = []
        self._next = 0

    async def first(self) -> Any:
        """Read on, and keep it."""
        message = await self._receive()
        self._messages.append(message)
        return message

    async def again(self) -> Any:
        """From the start; what was not read yet comes from the client."""
        if self._next < len(self._messages):
            self._next += 1
            return self._messages[self._next - 1]
        return await self._receive()


async def is_of_a_player(
    scope: Scope, replayed: Replayed, *, limit_bytes: int, hold: Hold, within_s: float
) -> bool:
    """Whether a body without a key is a player's report: an object with a `sessionId` or a `timestamp`.

    One that cannot be read is not.
    """
    headers = scope["headers"]
    try:
        raw = await read_body(
            replayed.first, headers, limit_bytes=limit_bytes, hold=hold, within_s=within_s
        )
        body = msgspec.json.decode(raw.removeprefix(b"\xef\xbb\xbf"), type=dict[str, msgspec.Raw])
    except (PayloadTooLarge, InvalidParameters, UnknownError, ClientGone):
        return False
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return "sessionId" in body or "timestamp" in body
