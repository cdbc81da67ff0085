"""Where a page is: as the hosting platform in front of us says, else as the local database knows."""

from __future__ import annotations

import math
from typing import Any

from signalbox.http.peers import header, is_trusted_peer
from signalbox.monitoring.ingest.parts import Call, Parts

MAX_TEXT = 128


def place_of(call: Call, parts: Parts) -> dict[str, Any]:
    """Country and region code, city, latitude, longitude; what is unknown is None.

    App Engine's headers count only when they come through a trusted proxy, for any client could send them, or from our own
    demonstration on this machine, whose people sit all over the world.
    """
    country = header(call.scope, b"x-appengine-country")
    if not country or country.upper() == "ZZ" or not _is_believed(call, parts):
        return dict(parts.locate(call.address))
    latitude, longitude = _position(header(call.scope, b"x-appengine-citylatlong"))
    return {
        "country_code": country.upper()[:2],
        "region_code": _text(header(call.scope, b"x-appengine-region")),
        "city": _text(header(call.scope, b"x-appengine-city")),
        "latitude": latitude,
        "longitude": longitude,
    }


def _is_believed(call: Call, parts: Parts) -> bool:
    return is_trusted_peer(call.scope, parts.trusted) or parts.excused(call.scope, call.at)


def _text(value: str | None) -> str | None:
    """The value without what stands for an unknown one."""
    return value[:MAX_TEXT] if value and value not in ("?", "ZZ") and value.isprintable() else None


def _position(value: str | None) -> tuple[float | None, float | None]:
    """Degrees from `latitude,longitude`; the platform's `0.000000,0.000000` stands for nothing known."""
    try:
        latitude, longitude = (float(part) for part in (value or "").split(","))
    except ValueError:
        return None, None
    known = math.isfinite(latitude) and abs(latitude) <= 90 and abs(longitude) <= 180
    return (latitude, longitude) if known and (latitude or longitude) else (None, None)
