"""Pure rules of tenants, keys, passwords and logins: formats, bounds, what may be shown."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

NAME_MAX: Final = 64
DOMAIN_MAX: Final = 256
INTERVAL_MIN_MS: Final = 1_000
INTERVAL_MAX_MS: Final = 60_000
PASSWORD_MIN: Final = 8
PASSWORD_MAX: Final = 1_024  # bounds the work of a hash, far above any passphrase
SEEN_EVERY: Final = timedelta(
    minutes=1
)  # `last_seen_at`, `last_used_at` are written at most this often
LOGIN_TRIES: Final = 5
LOGIN_WINDOW_S: Final = 300
KEY_PREFIX_LENGTH: Final = 12
KEY_ENTROPY_BYTES: Final = 32
KEY_ID_ENTROPY_BYTES: Final = 6
PLAYER_KEYS_PER_LABEL: Final = 5  # that are in force at the same time
RATE_MAX: Final = 10_000_000
RATE_WINDOW_MAX_S: Final = 86_400
ORIGINS_MAX: Final = 100

OWNER, MEMBER, VIEWER = "owner", "member", "viewer"
ROLES: Final = (VIEWER, MEMBER, OWNER)  # weakest first

SCOPES: Final = frozenset(
    {
        "ingest",  # send samples for an app
        "read",  # everything the private GET routes show
        "manage",  # change organizations and apps
        "admin",  # erase playback sessions of an app
        *("meetings:create", "meetings:read", "meetings:update", "meetings:end", "meetings:join"),
        *("participants:read", "participants:moderate", "recordings:read", "recordings:write"),
        *("users:read", "users:write", "calls:create", "calls:read", "quality:write"),
        *("audit:read", "controllers:read"),
    }
)

_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PLAYER_KEY: Final = "pbk_"
_KEY_NAME: Final = re.compile(r"[0-9A-Za-z]{8}")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[a-z0-9]([a-z0-9.-]{0,188}[a-z0-9])?")
_APP_KEY: Final = re.compile(r"[a-z0-9]{32}")


def clean_name(text: str) -> str:
    """A name without outer white space and control characters, cut to 64 characters; "" if nothing is left."""
    kept = "".join(char for char in text if char.isprintable() or char == " ")
    return kept.strip()[:NAME_MAX].rstrip()


def clean_domain(text: str) -> str | None:
    """A host name in lower case without a final dot, or None if `text` is not one.

    `localhost`, single labels (RFC 1123, 2.1; underscores are tolerated as browsers do) and IP addresses pass, and a
    leading `*.` that stands for every subdomain; what has a scheme, a port or a path does not. Names with other
    letters than ASCII are given in their punycode form.
    """
    host = text.strip().lower().removesuffix(".")
    if host.startswith("*."):
        rest = clean_domain(host[2:])
        return None if rest is None or "*" in rest or ":" in rest else f"*.{rest}"
    if ":" in host:
        return _ipv6(host)
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    if not host or len(host) > DOMAIN_MAX:
        return None
    return host if all(_LABEL.fullmatch(label) for label in host.split(".")) else None


def _ipv6(host: str) -> str | None:
    """An IPv6 address as browsers write it in an Origin, without the brackets (RFC 5952)."""
    try:
        return str(IPv6Address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return None


def clean_email(text: str) -> str | None:
    """The address in lower case, or None if it does not look like one (one `@`, no white space, ≤ 255 long)."""
    address = text.strip().lower()
    return address if len(address) <= 255 and _EMAIL.fullmatch(address) else None


def is_app_key(text: str) -> bool:
    """Whether `text` has the form of an app's public key: 32 characters of [a-z0-9]."""
    return _APP_KEY.fullmatch(text) is not None


def bearer_key(entropy: bytes) -> str:
    """`mtk_` and 43 base-62 characters made of 32 random bytes."""
    return f"mtk_{_base62(entropy, 43)}"


def player_key(name: bytes, entropy: bytes) -> str:
    """`pbk_`, 8 base-62 characters by which the key may be known, `_`, and 43 more made of 32 random bytes."""
    return f"{PLAYER_KEY}{_base62(name, 8)}_{_base62(entropy, 43)}"


def player_key_prefix(name: str) -> str | None:
    """The shown prefix of the player's key that is known by these 8 characters, with or without `pbk_`; None if `name` is none."""
    short = name.removeprefix(PLAYER_KEY)
    return f"{PLAYER_KEY}{short}" if _KEY_NAME.fullmatch(short) else None


def is_player_key(prefix: str) -> bool:
    """Whether a key with this prefix is one for players."""
    return prefix.startswith(PLAYER_KEY)


def clean_origin(text: str) -> str | None:
    """The origin of a page (RFC 6454) as browsers send it, such as `https://tv.example.org:8443`; None if it is none."""
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = port is None or (parts.scheme, port) in (("http", 80), ("https", 443))
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{port}"


def _base62(entropy: bytes, length: int) -> str:
    number = int.from_bytes(entropy, "big")
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def key_prefix(key: str) -> str:
    """The part of a bearer key that may be shown: its first 12 characters."""
    return key[:KEY_PREFIX_LENGTH]


def secret_hash(secret: str) -> str:
    """SHA-256 in lower-case hex. Enough for keys and cookies: they are random, 256 bits long, unlike passwords."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def password_problem(password: str, again: str | None = None) -> str | None:
    """Why a new password is refused: "too_short", "too_long", "differs", else None. `again` None: not repeated."""
    if again is not None and password != again:
        return "differs"
    if len(password) < PASSWORD_MIN:
        return "too_short"
    return "too_long" if len(password) > PASSWORD_MAX else None


def local_path(target: str | None, default: str = "/") -> str:
    """`target` if it is a path on this host, else `default`.

    Browsers read `//host`, `/\\host` and a path with a tab or newline before the host as another host, so a
    backslash or control character anywhere and a second leading slash are refused.
    """
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return default
    return target if target.isprintable() and " " not in target else default


def same_origin(
    origin: str | None, host: str | None, allowed: frozenset[str] = frozenset()
) -> bool:
    """Whether a request that changes something comes from our own page.

    `origin` is the Origin header: None (not a browser, or an old one) passes, since SameSite=Lax already keeps the
    cookie away from foreign forms; "null" does not. The host is compared with its port, the scheme is not: a proxy
    may end TLS. `allowed` holds further origins such as `https://dash.example.org`.
    """
    if origin is None:
        return True
    if origin.lower() in allowed:
        return True
    try:
        place = urlsplit(origin.lower()).netloc
    except ValueError:
        return False
    return bool(place) and host is not None and place == host.lower()


def weakest_role(roles: list[str]) -> str | None:
    """The weakest of a user's roles over all organizations, None without one."""
    return min(roles, key=ROLES.index) if roles else None


def role_reaches(role: str | None, needed: str) -> bool:
    """Whether `role` includes what `needed` may do."""
    return role is not None and ROLES.index(role) >= ROLES.index(needed)
