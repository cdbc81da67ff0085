"""Stored credentials are opened by whoever has the secret, for their purpose alone."""

from __future__ import annotations

import pytest

from signalbox.core.sealing import Sealer, Unsealable


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    sealed = Sealer(["one"]).seal("https://x/secret", "p")

    assert b"secret" not in sealed
    assert Sealer(["one"]).open(sealed, "p") == "https://x/secret"


def test_sealing_twice_gives_two_texts() -> None:
    sealer = Sealer(["one"])

    assert sealer.seal("x", "p") != sealer.seal("x", "p")


def test_a_secret_that_was_replaced_still_opens() -> None:
    old = Sealer(["old"]).seal("x", "p")
    rotated = Sealer(["new", "old"])

    assert rotated.open(old, "p") == "x"
    assert Sealer(["new"]).open(rotated.seal("x", "p"), "p") == "x"


@pytest.mark.parametrize("damage", [lambda s: s[:-1] + bytes([s[-1] ^ 1]), lambda s: s[:5], lambda s: b"\x02" + s[1:], lambda s: b""])  # fmt: skip
def test_what_is_damaged_does_not_open(damage: object) -> None:
    sealed = Sealer(["one"]).seal("x", "p")

    with pytest.raises(Unsealable):
        Sealer(["one"]).open(damage(sealed), "p")  # type: ignore[operator]


def test_another_purpose_and_another_secret_do_not_open() -> None:
    sealed = Sealer(["one"]).seal("x", "p")

    with pytest.raises(Unsealable):
        Sealer(["one"]).open(sealed, "q")
    with pytest.raises(Unsealable):
        Sealer(["two"]).open(sealed, "p")


def test_without_a_secret_nothing_works() -> None:
    with pytest.raises(Unsealable):
        Sealer([]).seal("x", "p")
    with pytest.raises(Unsealable):
        Sealer([]).derived("p")


def test_a_derived_secret_is_the_same_each_time_and_another_for_each_purpose() -> None:
    assert Sealer(["one"]).derived("p") == Sealer(["one", "old"]).derived("p")
    assert Sealer(["one"]).derived("p") != Sealer(["one"]).derived("q")
