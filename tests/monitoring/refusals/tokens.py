"""Tokens that no door may believe."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from tests.monitoring.refusals.scene import (
    ABSENT,
    WITH_TOKEN,
    Answers,
    Ask,
    Case,
    Doors,
    Scene,
    body,
    every,
)  # fmt: skip

Make = Callable[[Scene, str], object]
SECRETS = {"init": "i" * 32, "session": "s" * 32}
ID = {"init": "c", "session": "s"}
OTHER = {"init": "session", "session": "init"}


def encoded(value: object) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def forged(
    scene: Scene,
    kind: str,
    claims: dict[str, object] | None = None,
    *,
    late_s: float = 0,
    secret: str | None = None,
    alg: str = "HS256",
    digest: str | None = "sha256",
) -> str:
    """A token as the page's own of that kind, with differences: made `late_s` later than now, claims more or ABSENT."""
    held = claims_of(scene.page.init if kind == "init" else scene.page.session)
    held |= {"t": scene.house.clock.now().timestamp() + late_s} | (claims or {})
    kept = {name: value for name, value in held.items() if value is not ABSENT}
    said = f"{encoded({'typ': 'JWT', 'alg': alg})}.{encoded(kept)}"
    key = (secret or SECRETS[kind]).encode()
    return f"{said}.{encoded(hmac.digest(key, said.encode(), digest)) if digest else ''}"


def fixed(value: object) -> Make:
    return lambda _scene, _kind: value


def claiming(name: str, value: object) -> Make:
    """With another claim; `id` stands for the one that names what the token is for."""
    return lambda scene, kind: forged(scene, kind, {ID[kind] if name == "id" else name: value})


def with_token(make: Make, doors: Doors = WITH_TOKEN) -> Ask:
    """Sends every such door's good body with another token."""

    async def ask(scene: Scene, method: str, path: str) -> Answers:
        kind = "init" if (method, path) == ("POST", "/v1/sessions") else "session"
        return await scene.good(path[3:], method, token=make(scene, kind))

    return every(doors, ask)


TOKENS: dict[str, Make] = {
    "number": fixed(5),
    "list": fixed(["a"]),
    "empty": fixed(""),
    "garbage": fixed("garbage"),
    "three words": fixed("a.b.c"),
    "not ascii": fixed("é.é.é"),
    "long": fixed("a" * 100_000),
    "foreign secret": lambda scene, kind: forged(scene, kind, secret="x" * 32),
    "cut": lambda scene, kind: forged(scene, kind)[:-1],
    "another algorithm": lambda scene, kind: forged(scene, kind, alg="HS384", digest="sha384"),
    "another algorithm named": lambda scene, kind: forged(scene, kind, alg="HS512"),
    # RFC 7519, 6.1: unsecured tokens have no signature.
    "no algorithm": lambda scene, kind: forged(scene, kind, alg="none", digest=None),
    "no algorithm, signed": lambda scene, kind: forged(scene, kind, alg="none"),
    "other kind": lambda scene, kind: forged(scene, OTHER[kind]),
    "other kind, right secret": lambda scene, kind: forged(
        scene, OTHER[kind], secret=SECRETS[kind]
    ),
    "no time": claiming("t", ABSENT),
    "time in words": claiming("t", "now"),
    "time beyond": claiming("t", 1e308),
    "no id": claiming("id", ABSENT),
    "no uuid": claiming("id", "x"),
    "unknown id": claiming("id", str(uuid4())),
    "made in the future": lambda scene, kind: forged(scene, kind, late_s=301),
}
TOKEN_CASES = [
    *(Case(f"token {name}", 401, "invalid_token", with_token(make)) for name, make in TOKENS.items()),
    Case("init token, unknown participant", 401, "invalid_token",
         with_token(claiming("p", str(uuid4())), [("POST", "/v1/sessions")])),
    Case("no token", 401, "missing_token", with_token(fixed(ABSENT))),
    Case("token null", 401, "missing_token", with_token(fixed(None))),
    Case("bare array", 401, "missing_token", body("POST", "/connection/batch", b' [{"eventName": "x"}]')),
    Case("token too old", 401, "expired_token", with_token(lambda scene, kind: forged(scene, kind, late_s=-86_401))),
    Case("foreign end passed", 401, "expired_token", with_token(claiming("exp", 1_000_000_000))),
]  # fmt: skip
