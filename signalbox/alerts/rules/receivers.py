"""Who is written to."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 20
_ADDRESS: Final = re.compile(
    r"[^@\s,;<>\"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,188}[A-Za-z0-9])?"
)


def addresses_of(text: str) -> str | None:
    """E-mail addresses parted by commas, made exact, each once; None when one of them is none, or there are none or too many."""
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not 0 < len(found) <= MOST or not all(_ADDRESS.fullmatch(one) for one in found):
        return None
    return ", ".join(found)
