"""Likeness of texts by the rules of pg_trgm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules.trigrams import THRESHOLD, plan, similarity, trigrams


def test_words_have_two_blanks_before_and_one_behind() -> None:
    # The examples of PostgreSQL's documentation, F.35 pg_trgm.
    assert trigrams("cat") == {"  c", " ca", "cat", "at "}
    assert trigrams("foo|bar") == {"  f", " fo", "foo", "oo ", "  b", " ba", "bar", "ar "}
    assert round(similarity(trigrams("word"), "two words"), 6) == 0.363636


@pytest.mark.parametrize(
    ("wanted", "text"), [("", "text"), ("text", ""), ("text", None), ("!", "!"), ("abc", "xyz")]
)
def test_nothing_in_common_is_no_likeness(wanted: str, text: str | None) -> None:
    assert similarity(trigrams(wanted), text) == 0


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_the_share_of_common_trigrams(one: str, other: str) -> None:
    here, there = trigrams(one), trigrams(other)
    share = len(here & there) / len(here | there) if here | there else 0.0
    told = similarity(here, other)

    # What is too little to count may be told as none.
    assert told == share or (told == 0 and share < THRESHOLD)


@given(
    st.sets(st.sampled_from([f"t{number}" for number in range(12)]), min_size=1),
    st.dictionaries(
        st.sampled_from([f"t{number}" for number in range(12)]), st.integers(0, 60_000)
    ),
    st.sets(st.sampled_from([f"t{number}" for number in range(12)])),
)
def test_a_plan_misses_nothing_that_it_promises(
    wanted: set[str], rows_with: dict[str, float], text: set[str]
) -> None:
    made = plan(wanted, rows_with, most_rows=500)
    share = len(wanted & text) / len(wanted | text)

    assert sum(rows_with.get(trigram, 0) for trigram in made.some_of) <= 500
    assert not set(made.some_of) & set(made.all_of)
    if share >= made.complete:
        assert text & set(made.some_of)


def test_frequent_trigrams_are_not_looked_up_one_by_one() -> None:
    rows_with = {"rare": 3.0, "some": 400.0, "many": 9_000.0, "more": 20_000.0, "most": 90_000.0}

    everything = plan(["rare", "some"], rows_with, most_rows=500)
    mixed = plan(rows_with, rows_with, most_rows=500)
    few = plan(["some", "mid"], {"some": 400.0, "mid": 4_000.0}, most_rows=500)
    universal = plan(["most"], rows_with, most_rows=500)

    assert (everything.complete, everything.all_of) == (THRESHOLD, [])
    assert (mixed.complete, mixed.some_of) == (0.8, ["rare", "some"])
    assert (mixed.all_of, mixed.newest) == (["many", "more"], False)
    assert few.all_of == ["mid"]
    assert (universal.some_of, universal.newest) == ([], True)
