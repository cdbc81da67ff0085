"""The trigrams that the database makes for its index are ours."""

from __future__ import annotations

from signalbox.core.db import Database
from signalbox.monitoring.rules.trigrams import trigrams

TEXTS = (
    "",
    "!!",
    "a",
    "word",
    "two words",
    "Stand-up 42",
    "aaaa",
    "a_b",
    "Zoë Müller",
    "  blanks\tand\nlines ",
    "会議 東京",
    "नमस्ते दुनिया",
    "emoji 🚦 sign",
    "punc…tuation—here、there",
    "x" * 64,
)


async def test_the_database_makes_the_same_trigrams(db: Database) -> None:
    async with db.read() as tx:
        for text in TEXTS:
            cursor = await tx.psycopg.execute("SELECT monitoring.trigrams(%s)", (text,))
            ((made,),) = await cursor.fetchall()
            assert set(made) == trigrams(text), text
            assert made == sorted(set(made))
