"""How alike two texts are, by the rules of PostgreSQL's pg_trgm, and which rows can be alike at all.

A trigram is three letters in a row of a word that has two blanks put before it and one behind. Two texts are as alike as the share of their
trigrams that they have in common: 0 to 1. From 0.3 on they count as alike (pg_trgm.similarity_threshold).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

THRESHOLD = 0.3

# What parts words: all of ASCII but letters and digits, and the punctuation of Latin-1, of books, of Chinese and of Japanese. The same
# list is in the function `monitoring.trigrams` of the database, which makes the index.
_BETWEEN = re.compile(
    r"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7"
    r"\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\uff00-\uff0f]+"
)


def padded(text: str) -> str:
    """The words of a text as trigrams see them, one behind the other. No trigram spans two words that is not one of theirs."""
    return "\x00".join(f"  {word} " for word in _BETWEEN.split(text.lower()) if word)


def trigrams(text: str) -> frozenset[str]:
    """The trigrams of a text; empty when it has neither letters nor digits."""
    return frozenset(
        spaced[at : at + 3]
        for spaced in padded(text).split("\x00")
        for at in range(len(spaced) - 2)
    )


def similarity(wanted: frozenset[str], text: str | None) -> float:
    """How alike a text is to the wanted trigrams, 0 to 1; 0 when either has none."""
    if not wanted or not text:
        return 0.0
    spaced = padded(text)
    common = sum(trigram in spaced for trigram in wanted)
    # Most candidates fail here, before their own trigrams are made.
    if common < THRESHOLD * len(wanted):
        return 0.0
    return common / (len(wanted) + len(trigrams(text)) - common)


@dataclass(frozen=True, slots=True)
class Plan:
    """Where to look. Every text as alike as `complete` or more has one of `some_of`; above 1 nothing is promised.

    What is less alike is looked for among the texts that have `all_of`, the trigrams that are on too many rows to look at each;
    or among the newest, where nearly every one has them.
    """

    complete: float
    some_of: Sequence[str]
    all_of: Sequence[str]
    newest: bool


# Where a trigram is on fewer rows than this, an index finds the rows that have all others too without reading their long lists.
_FEW_ROWS = 5_000.0
# The list of a trigram on more rows takes too long to read.
_MANY_ROWS = 25_000.0


def plan(wanted: Iterable[str], rows_with: Mapping[str, float], *, most_rows: float) -> Plan:
    """Where texts alike the wanted trigrams can be found by looking at not many more than `most_rows` rows.

    A text as alike as t shares at least t of the wanted trigrams; so it has one of any set that leaves out fewer than that. The rarest
    make the smallest such set, and as many of them are taken as `most_rows` allows.
    """
    rarest = sorted(wanted, key=lambda trigram: (rows_with.get(trigram, 0.0), trigram))
    rows, taken = 0.0, 0
    for trigram in rarest:
        rows += rows_with.get(trigram, 0.0)
        if rows > most_rows:
            break
        taken += 1
    left = rarest[taken:]
    complete = (len(left) + 1) / len(rarest) if left else THRESHOLD
    shortest = rows_with.get(left[0], 0.0) if left else 0.0
    if shortest > _FEW_ROWS:
        left = left[:2]
    return Plan(max(complete, THRESHOLD), rarest[:taken], left, shortest > _MANY_ROWS)
