from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest

from signalbox.accounts.errors import ExpiredToken, InvalidToken, MissingToken
from signalbox.accounts.signing import REMEMBERED, InitClaims, SessionClaims, TokenSigner, _Kind
from signalbox.core.ids import new_id

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
P, C, S = new_id(), new_id(), new_id()
INIT, SESSION = "the init secret " * 5, "the session secret " * 5


@pytest.fixture
def signer() -> TokenSigner:
    return TokenSigner([INIT], [SESSION])


def forged(payload: dict[str, Any], secret: str = SESSION, **options: Any) -> str:
    return jwt.encode(payload, secret, **{"algorithm": "HS256", **options})


def good() -> dict[str, Any]:
    return {"s": str(S), "t": AT.timestamp()}


def test_an_init_token_says_participant_and_conference_and_nothing_else(
    signer: TokenSigner,
) -> None:
    token = signer.make_init(P, C, at=AT)

    header, payload, _ = token.split(".")
    assert urlsafe_b64decode(header + "==") == b'{"typ":"JWT","alg":"HS256"}'
    assert json.loads(urlsafe_b64decode(payload + "==")) == {
        "p": str(P),
        "c": str(C),
        "t": AT.timestamp(),
    }
    assert signer.init(token, at=AT) == InitClaims(P, C)


def test_any_jwt_library_reads_and_makes_our_tokens(signer: TokenSigner) -> None:
    token = signer.make_session(S, at=AT)

    assert jwt.decode(token, SESSION, algorithms=["HS256"]) == good()
    assert signer.session(forged(good()), at=AT) == SessionClaims(S)


def test_a_token_lives_for_its_lifespan_also_once_remembered(signer: TokenSigner) -> None:
    token = signer.make_session(S, at=AT)

    assert signer.session(token, at=AT + DAY) == SessionClaims(S)
    with pytest.raises(ExpiredToken):
        signer.session(token, at=AT + DAY + timedelta(seconds=1))


def test_five_minutes_ahead_are_believed_and_no_more(signer: TokenSigner) -> None:
    token = signer.make_session(S, at=AT + timedelta(minutes=5))

    assert signer.session(token, at=AT) == SessionClaims(S)
    with pytest.raises(InvalidToken):
        signer.session(token, at=AT - timedelta(seconds=1))


def test_a_foreign_exp_ends_a_token_early(signer: TokenSigner) -> None:
    token = forged({**good(), "exp": AT.timestamp() - 1})

    with pytest.raises(ExpiredToken):
        signer.session(token, at=AT)


def test_no_token_is_missing(signer: TokenSigner) -> None:
    with pytest.raises(MissingToken):
        signer.session(None, at=AT)


def test_kinds_do_not_mix(signer: TokenSigner) -> None:
    one_secret = TokenSigner([INIT], [INIT])
    for signs in (signer, one_secret):
        with pytest.raises(InvalidToken):
            signs.session(signs.make_init(P, C, at=AT), at=AT)
        with pytest.raises(InvalidToken):
            signs.init(signs.make_session(S, at=AT), at=AT)


def test_old_secrets_verify_and_the_first_one_signs() -> None:
    old = TokenSigner(["old init"], ["old session"])
    both = TokenSigner(["new init", "old init"], ["new session", "old session"])

    assert both.session(old.make_session(S, at=AT), at=AT) == SessionClaims(S)
    with pytest.raises(InvalidToken):
        old.session(both.make_session(S, at=AT), at=AT)


@pytest.mark.parametrize(
    "token",
    [
        7,
        {},
        [],
        True,
        "",
        "garbage",
        "a.b.c",
        "é.b.c",
        "..",
        "x" * 9000,
        forged(good(), "another secret " * 5),
        forged(good(), SESSION, algorithm="HS512"),
        jwt.encode(good(), "", algorithm="none"),
        forged(good(), headers={"kid": "1"}),
        forged(good(), headers={"typ": "other"}),
        forged({"s": str(S)}),
        forged({"t": AT.timestamp()}),
        forged({**good(), "s": 7}),
        forged({**good(), "s": "not a uuid"}),
        forged({**good(), "s": "z" * 32}),
        forged({**good(), "t": "now"}),
        forged({**good(), "t": True}),
        forged({**good(), "t": None}),
        forged({**good(), "t": 10**400}),
        forged({**good(), "t": float("inf")}),
        forged({**good(), "exp": AT.timestamp(), "t": []}),
    ],
)
def test_anything_else_is_invalid(signer: TokenSigner, token: object) -> None:
    with pytest.raises(InvalidToken):
        signer.session(token, at=AT)


def test_a_payload_that_is_no_object_is_invalid(signer: TokenSigner) -> None:
    token = jwt.api_jws.encode(b"[1]", SESSION, algorithm="HS256")

    with pytest.raises(InvalidToken):
        signer.session(token, at=AT)


def test_a_second_spelling_of_a_signature_is_refused(signer: TokenSigner) -> None:
    token = signer.make_session(S, at=AT)
    for other in (token + "=", token[:-4] + "\n" + token[-4:], token + "!"):
        with pytest.raises(InvalidToken):
            signer.session(other, at=AT)


def test_only_genuine_tokens_are_remembered_and_not_for_ever() -> None:
    kind = _Kind([SESSION], ("s",), 60)
    with pytest.raises(InvalidToken):
        kind.read("a.b.c", AT)
    assert not kind._seen
    for number in range(REMEMBERED + 3):
        kind._remember(str(number), kind._claims({"s": str(UUID(int=1)), "t": 1.0}))
    assert len(kind._seen) == REMEMBERED


def test_a_kind_needs_secrets() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        TokenSigner([], [SESSION])
    with pytest.raises(ValueError, match="at least one secret"):
        TokenSigner([INIT], [""])
