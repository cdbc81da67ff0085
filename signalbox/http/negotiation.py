"""What a client would rather have: reading `Accept` and `Accept-Encoding` (RFC 9110, 12.5).

Pure. A header that is not there accepts everything; what cannot be read in one accepts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Rank = tuple[float, int]  # how much it is wanted, 0 to 1, and how exactly it was named


@dataclass(frozen=True, slots=True)
class Accepted:
    """The wish for a page against the wish for JSON."""

    html: Rank
    json: Rank

    @property
    def prefers_html(self) -> bool:
        """A page is named, or wanted more, than JSON: what browsers ask for when they navigate."""
        return self.html[0] > 0 and self.html > self.json

    @property
    def takes_html(self) -> bool:
        """A page is as good as JSON, or better."""
        return self.html[0] > 0 and self.html >= self.json


def accepted(accept: str | None) -> Accepted:
    """The wishes of an `Accept` header; several lines of it are joined by commas. None: there is none."""
    ranges = dict(_weighted(accept if accept and accept.strip() else "*/*"))
    return Accepted(_rank(ranges, "text", "html"), _rank(ranges, "application", "json"))


def best_coding(accept_encoding: str | None, offered: Iterable[str]) -> str | None:
    """The first of the `offered` codings among those that the client wants most; None when it should get the plain bytes."""
    if not accept_encoding:
        return None
    weights = dict(_weighted(accept_encoding))
    anything = weights.get("*", 0.0)
    plain = weights.get("identity", 0.0)
    best, found = 0.0, None
    for coding in offered:
        weight = weights.get(coding, anything)
        if weight > best and weight >= plain:
            best, found = weight, coding
    return found


def _rank(ranges: dict[str, float], kind: str, subtype: str) -> Rank:
    """The most exact range decides, even if it says less."""
    for exactness, name in ((2, f"{kind}/{subtype}"), (1, f"{kind}/*"), (0, "*/*")):
        if name in ranges:
            return ranges[name], exactness
    return 0.0, 0


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    """Each name of a list with its weight; further parameters are of no meaning here."""
    for item in header.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name:
            yield name, _weight(parameters)


def _weight(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                weight = float(parameter[2:])
            except ValueError:
                return 0.0
            return weight if 0.0 <= weight <= 1.0 else 0.0
    return 1.0
