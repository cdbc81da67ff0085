"""The two tokens of the browser SDK: JSON Web Tokens signed with HMAC-SHA256 (RFC 7515, RFC 7518 3.2, RFC 7519).

An *init* token carries `p` (participant), `c` (conference), `t`; a *session* token carries `s` (session), `t`; `t`
is a float of Unix seconds. Nothing else is put in: clients compare the keys. There is no `exp` of ours: a token ends
at `t` plus the lifespan of its kind, which can so be changed after the fact.

Pure: time is an argument. Verifying costs a JSON parse and an HMAC, so genuine tokens are remembered; only what can
never change is kept (the claims), the times are compared on every call.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from signalbox.accounts.errors import ExpiredToken, InvalidToken, MissingToken

LEEWAY_S: Final = 300.0  # how far a clock of another host may run ahead
TOKEN_MAX: Final = 8_192  # characters; longer ones are refused unread
REMEMBERED: Final = 50_000  # tokens per kind and process, about 30 MB when full

_HEADER: Final = {"typ": "JWT", "alg": "HS256"}
_ALLOWED_HEADER: Final = frozenset(_HEADER)


@dataclass(frozen=True, slots=True)
class InitClaims:
    """Who may open a session: participant `p` in conference `c`."""

    p: UUID
    c: UUID


@dataclass(frozen=True, slots=True)
class SessionClaims:
    """Which session its bearer reports for."""

    s: UUID


@dataclass(frozen=True, slots=True)
class _Genuine:
    ids: Mapping[str, UUID]
    at_s: float  # `t`
    until_s: float  # end by lifespan, or by a foreign `exp` if that comes first


class _Kind:
    """One kind of token: its secrets, its claims, its lifespan, and the genuine tokens seen lately."""

    def __init__(self, secrets: Sequence[str], names: tuple[str, ...], lifespan_s: float) -> None:
        if not secrets or not all(secrets):
            raise ValueError("a kind of token needs at least one secret, and none may be empty")
        self._keys = [secret.encode() for secret in secrets]
        self._names = names
        self._lifespan_s = lifespan_s
        self._seen: OrderedDict[str, _Genuine] = OrderedDict()

    def make(self, ids: Mapping[str, UUID], at: datetime) -> str:
        payload: dict[str, object] = {name: str(ids[name]) for name in self._names}
        payload["t"] = at.timestamp()
        signed = f"{_ENCODED_HEADER}.{_encode_json(payload)}"
        return f"{signed}.{_encode(_mac(self._keys[0], signed))}"

    def read(self, token: object, at: datetime) -> Mapping[str, UUID]:
        if token is None:
            raise MissingToken
        if not isinstance(token, str):
            raise InvalidToken
        genuine = self._seen.get(token)
        if genuine is None:
            genuine = self._verify(token)
            self._remember(token, genuine)
        now_s = at.timestamp()
        if genuine.at_s > now_s + LEEWAY_S:
            raise InvalidToken
        if now_s > genuine.until_s:
            raise ExpiredToken
        return genuine.ids

    def _remember(self, token: str, genuine: _Genuine) -> None:
        # Oldest out, not least recently used: a hit then costs one dictionary lookup and nothing else.
        self._seen[token] = genuine
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def _verify(self, token: str) -> _Genuine:
        if len(token) > TOKEN_MAX or not token.isascii() or token.count(".") != 2:
            raise InvalidToken
        signed, _, signature = token.rpartition(".")
        header_text, _, payload_text = signed.partition(".")
        given = _decode(signature)
        if not any(hmac.compare_digest(_mac(key, signed), given) for key in self._keys):
            raise InvalidToken
        if header_text != _ENCODED_HEADER:
            _check_header(_decode_json(header_text))
        return self._claims(_decode_json(payload_text))

    def _claims(self, payload: Mapping[str, Any]) -> _Genuine:
        at_s = _seconds(payload.get("t"))
        until_s = at_s + self._lifespan_s
        if "exp" in payload:
            until_s = min(until_s, _seconds(payload["exp"]))
        return _Genuine({name: _uuid(payload.get(name)) for name in self._names}, at_s, until_s)


class TokenSigner:
    """Makes and reads both kinds. The first secret of a list signs; the others are still believed."""

    def __init__(
        self,
        init_secrets: Sequence[str],
        session_secrets: Sequence[str],
        init_lifespan_s: float = 86_400,
        session_lifespan_s: float = 86_400,
    ) -> None:
        self._init = _Kind(init_secrets, ("p", "c"), init_lifespan_s)
        self._session = _Kind(session_secrets, ("s",), session_lifespan_s)

    def make_init(self, participant: UUID, conference: UUID, *, at: datetime) -> str:
        """A token to open sessions of one participant in one conference."""
        return self._init.make({"p": participant, "c": conference}, at)

    def make_session(self, session: UUID, *, at: datetime) -> str:
        """A token to report for one session."""
        return self._session.make({"s": session}, at)

    def init(self, token: object, *, at: datetime) -> InitClaims:
        """What an init token says.

        Raises:
            MissingToken: `token` is None.
            InvalidToken: it is not a genuine init token, or was made more than 5 minutes in the future.
            ExpiredToken: it is older than its lifespan.
        """
        ids = self._init.read(token, at)
        return InitClaims(ids["p"], ids["c"])

    def session(self, token: object, *, at: datetime) -> SessionClaims:
        """What a session token says; raises as `init` does."""
        return SessionClaims(self._session.read(token, at)["s"])


def _mac(key: bytes, signed: str) -> bytes:
    return hmac.digest(key, signed.encode("ascii"), hashlib.sha256)


def _encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _encode_json(value: Mapping[str, object]) -> str:
    return _encode(msgspec.json.encode(value))


_ENCODED_HEADER: Final = _encode_json(_HEADER)


def _decode(text: str) -> bytes:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise InvalidToken from None
    # Python skips foreign characters and spare bits; one token must have one spelling.
    if _encode(raw) != text:
        raise InvalidToken
    return raw


def _decode_json(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(_decode(text))
    except (ValueError, RecursionError):
        raise InvalidToken from None
    if not isinstance(value, dict):
        raise InvalidToken
    return value


def _check_header(header: Mapping[str, Any]) -> None:
    """`alg` decides nothing here, since the algorithm is fixed; another one named is a forgery or a mistake."""
    if (
        header.get("alg") != "HS256"
        or header.get("typ", "JWT") != "JWT"
        or not header.keys() <= _ALLOWED_HEADER
    ):
        raise InvalidToken


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidToken
    try:
        seconds = float(value)
    except OverflowError:
        raise InvalidToken from None
    if not math.isfinite(seconds):
        raise InvalidToken
    return seconds


def _uuid(value: object) -> UUID:
    if not isinstance(value, str) or len(value) not in (32, 36):
        raise InvalidToken
    try:
        return UUID(value)
    except ValueError:
        raise InvalidToken from None
