"""When a key is in force."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from signalbox.playback.rules.keys import KeyFacts

AT = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("not_before", "expires_at", "expected"),
    [
        (None, None, True),
        (AT, None, True),
        (AT + SECOND, None, False),
        (None, AT + SECOND, True),
        (None, AT, False),
        (AT - SECOND, AT + SECOND, True),
    ],
)
def test_a_key_is_in_force_from_its_start_until_its_end(
    not_before: datetime | None, expires_at: datetime | None, expected: bool
) -> None:
    key = KeyFacts(
        UUID(int=1),
        UUID(int=2),
        "shop",
        UUID(int=3),
        frozenset({"ingest"}),
        not_before=not_before,
        expires_at=expires_at,
    )

    assert key.is_in_force(AT) is expected
