"""Where an address is, from a local MaxMind-format database (MMDB); and addresses cut down for storing.

No database is shipped. Without one, or for an address it does not know, every field is None.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any, Final, TypedDict

import maxminddb
import structlog

_LOOK_AGAIN_S: Final = 10.0  # how often the file is asked whether it has changed
_IPV4_BITS: Final = 24
_IPV6_BITS: Final = 48

log = structlog.get_logger(__name__)


class Place(TypedDict):
    """A location; every field is None when unknown. Codes are ISO 3166-1 alpha-2 and the second part of ISO 3166-2."""

    country_code: str | None
    region_code: str | None
    city: str | None
    latitude: float | None
    longitude: float | None


class Geo:
    """Looks addresses up in the file at `path`; a replaced file is noticed within 10 s. `monotonic` gives seconds."""

    def __init__(
        self, path: Path | None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._path = path
        self._monotonic = monotonic
        self._look_at = 0.0
        self._stamp: tuple[int, int, int] | None = None
        self._reader: maxminddb.Reader | None = None

    def lookup(self, address: str | None) -> Place:
        """The place of `address`; nulls for None, for what is no address and for what is not in the file."""
        known = _parse(address)
        reader = self._current()
        if known is None or reader is None:
            return nowhere()
        try:
            found = reader.get(known)
        except (ValueError, maxminddb.InvalidDatabaseError):  # IPv6 in a file that has only IPv4
            return nowhere()
        return _place(found) if isinstance(found, dict) else nowhere()

    def close(self) -> None:
        """Let go of the file."""
        if self._reader is not None:
            self._reader.close()
        self._reader = self._stamp = None

    def _current(self) -> maxminddb.Reader | None:
        now = self._monotonic()
        if self._path is not None and now >= self._look_at:
            self._look_at = now + _LOOK_AGAIN_S
            self._reload(self._path)
        return self._reader

    def _reload(self, path: Path) -> None:
        """Open the file if it is another one than before; a broken or missing new file leaves the old one in use."""
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == self._stamp:
                return
            # The whole file in memory: a file overwritten in place must not change under a reader that maps it.
            fresh = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        except (OSError, maxminddb.InvalidDatabaseError) as error:
            log.warning("geo.load_failed", path=str(path), reason=type(error).__name__)
            return
        self.close()
        self._reader, self._stamp = fresh, stamp
        log.info("geo.loaded", path=str(path), kind=fresh.metadata().database_type)


def nowhere() -> Place:
    """The place of an unknown address."""
    return Place(country_code=None, region_code=None, city=None, latitude=None, longitude=None)


def truncate_address(address: str | None) -> str | None:
    """The network of an address: IPv4 cut to /24, IPv6 to /48; None for None and for what is no address.

    An IPv4 address written as IPv6 (`::ffff:192.0.2.7`) counts as IPv4.
    """
    known = _parse(address)
    if known is None:
        return None
    bits = _IPV4_BITS if known.version == 4 else _IPV6_BITS
    return str(ip_network((known, bits), strict=False).network_address)


def _parse(address: str | None) -> IPv4Address | IPv6Address | None:
    if address is None:
        return None
    try:
        known = ip_address(address.strip().split("%", 1)[0])  # without an IPv6 zone
    except ValueError:
        return None
    return known.ipv4_mapped or known if isinstance(known, IPv6Address) else known


def _place(found: Mapping[str, Any]) -> Place:
    location = found.get("location") or {}
    regions = found.get("subdivisions") or [{}]
    names = (found.get("city") or {}).get("names") or {}
    return Place(
        country_code=(found.get("country") or {}).get("iso_code"),
        region_code=regions[0].get("iso_code"),
        city=names.get("en"),
        latitude=location.get("latitude"),
        longitude=location.get("longitude"),
    )
