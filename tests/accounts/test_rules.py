from __future__ import annotations

from datetime import UTC, datetime

import pytest

from signalbox.accounts import rules


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("  a name ", "a name"),
        ("a\nb\x00c", "abc"),
        ("x" * 70, "x" * 64),
        ("\t\n", ""),
        ("👩\u200d💻", "👩💻"),
    ],
)
def test_names_are_trimmed_cut_and_freed_of_controls(text: str, cleaned: str) -> None:
    assert rules.clean_name(text) == cleaned


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("Example.ORG", "example.org"),
        ("localhost", "localhost"),
        ("example.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.Example.org.", "*.example.org"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:DB8:0:0::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("*", None),
        ("*.", None),
        ("*.*.example.org", None),
        ("a.*.example.org", None),
        ("*.2001:db8::1", None),
        ("[2001:db8::1]:8080", None),
        ("https://example.org", None),
        ("example.org:8080", None),
        ("example.org/path", None),
        ("-bad.example", None),
        ("a..b", None),
        ("", None),
        ("x" * 64 + ".org", None),
        (".".join(["a" * 60] * 5), None),
        ("ü" * 200 + ".org", None),
    ],
)
def test_a_domain_is_a_host_name_and_nothing_else(text: str, domain: str | None) -> None:
    assert rules.clean_domain(text) == domain


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Alice@Example.org ", "alice@example.org"),
        ("admin@localhost", "admin@localhost"),
        ("no-at.example", None),
        ("two@at@example.org", None),
        ("a b@example.org", None),
        ("a@" + "x" * 300, None),
    ],
)
def test_an_email_address_has_one_at_and_no_space(text: str, address: str | None) -> None:
    assert rules.clean_email(text) == address


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "",
        None,
        "/\t/evil",
        "/a b",
    ],
)
def test_only_local_paths_are_followed(target: str | None) -> None:
    assert rules.local_path(target) == "/"


def test_a_local_path_keeps_its_query() -> None:
    assert rules.local_path("/app/1?tab=2") == "/app/1?tab=2"


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        (None, "a.example", True),
        ("https://a.example", "a.example", True),
        ("http://A.example:8000", "a.example:8000", True),
        ("https://a.example", "a.example:8000", False),
        ("null", "a.example", False),
        ("https://evil.example", "a.example", False),
        ("https://dash.example", "a.example", True),
        ("http://[bad", "a.example", False),
        ("https://a.example", None, False),
    ],
)
def test_an_origin_is_ours_by_host_and_port(
    origin: str | None, host: str | None, same: bool
) -> None:
    assert rules.same_origin(origin, host, frozenset({"https://dash.example"})) is same


def test_a_bearer_key_has_43_characters_whatever_the_number() -> None:
    assert rules.bearer_key(bytes(32)) == "mtk_" + "0" * 43
    assert len(rules.bearer_key(b"\xff" * 32)) == 47
    assert rules.bearer_key((61).to_bytes(32, "big")).endswith("0z")


def test_an_app_key_is_32_lower_case_letters_and_digits() -> None:
    assert rules.is_app_key("a0" * 16)
    assert not rules.is_app_key("A0" * 16)
    assert not rules.is_app_key("a0" * 16 + "\n")


@pytest.mark.parametrize(
    ("password", "again", "problem"),
    [
        ("12345678", "12345678", None),
        ("1234567", "1234567", "too_short"),
        ("12345678", "12345679", "differs"),
        ("x" * 1025, None, "too_long"),
    ],
)
def test_a_password_is_long_enough_and_given_twice(
    password: str, again: str | None, problem: str | None
) -> None:
    assert rules.password_problem(password, again) == problem


def test_a_role_includes_the_weaker_ones() -> None:
    assert rules.role_reaches("owner", "member")
    assert not rules.role_reaches("viewer", "member")
    assert not rules.role_reaches(None, "viewer")
    assert rules.weakest_role(["owner", "viewer"]) == "viewer"
    assert rules.weakest_role([]) is None


def test_what_is_hashed_and_shown_of_a_key() -> None:
    assert rules.key_prefix("mtk_0123456789") == "mtk_01234567"
    assert rules.secret_hash("abc").startswith("ba7816bf")
    assert datetime.now(UTC) - rules.SEEN_EVERY < datetime.now(UTC)


def test_a_players_key_names_itself_by_eight_characters() -> None:
    key = rules.player_key(bytes(6), b"\xff" * 32)
    name, secret = key.removeprefix("pbk_").split("_")

    assert (len(name), len(secret)) == (8, 43)
    assert rules.key_prefix(key) == f"pbk_{name}"
    assert rules.is_player_key(rules.key_prefix(key))
    assert not rules.is_player_key("mtk_01234567")


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("0aZ00000", "pbk_0aZ00000"), ("pbk_0aZ00000", "pbk_0aZ00000"), ("short", None), ("", None)],
)
def test_a_players_key_is_known_by_its_name(name: str, prefix: str | None) -> None:
    assert rules.player_key_prefix(name) == prefix


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://TV.example.org", "https://tv.example.org"),
        ("https://tv.example.org:443/", "https://tv.example.org"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://tv.example.org/page", None),
        ("https://user@tv.example.org", None),
        ("https://tv.example.org?x", None),
        ("ftp://tv.example.org", None),
        ("tv.example.org", None),
        ("https://", None),
        ("https://[bad", None),
        ("https://a:port", None),
    ],
)
def test_an_origin_is_one_as_browsers_send_it(text: str, origin: str | None) -> None:
    assert rules.clean_origin(text) == origin
