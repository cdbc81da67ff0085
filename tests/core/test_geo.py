"""Addresses become places when a database is configured, and nothing otherwise."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from signalbox.core.geo import Geo, nowhere, truncate_address

MARKER = b"\xab\xcd\xefMaxMind.com"
Node = list[Any]


def encoded(value: Any) -> bytes:
    """A value in the data section's encoding (MaxMind DB format 2.0), for short texts, maps, lists and numbers."""
    if isinstance(value, str):
        raw = value.encode()
        return (
            bytes([0x40 | len(raw)]) + raw if len(raw) < 29 else bytes([0x5D, len(raw) - 29]) + raw
        )
    if isinstance(value, dict):
        return bytes([0xE0 | len(value)]) + b"".join(
            encoded(k) + encoded(v) for k, v in value.items()
        )
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(encoded, value))
    if isinstance(value, float):
        import struct

        return b"\x68" + struct.pack(">d", value)
    return bytes([0xC4]) + int(value).to_bytes(4, "big")


def database(places: dict[str, Any], version: int) -> bytes:
    """An MMDB file: a binary search tree over the networks, the places, the description."""
    nodes: list[Node] = [[None, None]]
    data = b""
    for network, place in places.items():
        parsed = ip_network(network)
        bits = f"{int(parsed.network_address):0{parsed.max_prefixlen}b}"[: parsed.prefixlen]
        at = 0
        for bit in bits[:-1]:
            following = nodes[at][int(bit)]
            if following is None:
                nodes.append([None, None])
                following = nodes[at][int(bit)] = len(nodes) - 1
            at = following
        nodes[at][int(bits[-1])] = ("data", len(data))
        data += encoded(place)

    def record(value: Any) -> bytes:
        number = len(nodes) if value is None else value
        if isinstance(value, tuple):
            number = len(nodes) + 16 + value[1]
        return int(number).to_bytes(4, "big")

    tree = b"".join(record(left) + record(right) for left, right in nodes)
    about = {
        "node_count": len(nodes),
        "record_size": 32,
        "ip_version": version,
        "database_type": "Test-City",
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "description": {"en": "test"},
    }
    return tree + bytes(16) + data + MARKER + encoded(about)


BERN = {
    "country": {"iso_code": "CH"},
    "subdivisions": [{"iso_code": "BE"}],
    "city": {"names": {"en": "Bern"}},
    "location": {"latitude": 46.9, "longitude": 7.4},
}


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "city.mmdb"
    path.write_bytes(database({"192.0.2.0/24": BERN, "198.51.100.0/24": {}}, 4))
    return path


def test_a_known_address_has_a_place(path: Path) -> None:
    geo = Geo(path)
    assert geo.lookup("192.0.2.77") == {
        "country_code": "CH",
        "region_code": "BE",
        "city": "Bern",
        "latitude": 46.9,
        "longitude": 7.4,
    }
    assert geo.lookup("::ffff:192.0.2.77")["city"] == "Bern"
    geo.close()


@pytest.mark.parametrize(
    "address", [None, "", "host.example", "203.0.113.1", "198.51.100.1", "2001:db8::1"]
)
def test_what_is_unknown_has_none(path: Path, address: str | None) -> None:
    assert Geo(path).lookup(address) == nowhere()


def test_without_a_file_everything_is_nowhere(tmp_path: Path) -> None:
    assert Geo(None).lookup("192.0.2.1") == nowhere()
    assert Geo(tmp_path / "none.mmdb").lookup("192.0.2.1") == nowhere()


def test_a_replaced_file_is_noticed_and_a_broken_one_ignored(path: Path) -> None:
    ticks = Ticks()
    geo = Geo(path, monotonic=ticks)
    assert geo.lookup("192.0.2.1")["city"] == "Bern"

    fresh = path.with_suffix(".new")
    fresh.write_bytes(database({"192.0.2.0/24": {**BERN, "city": {"names": {"en": "Thun"}}}}, 4))
    fresh.replace(path)
    assert geo.lookup("192.0.2.1")["city"] == "Bern"
    ticks.now += 10
    assert geo.lookup("192.0.2.1")["city"] == "Thun"

    path.write_bytes(b"no database")
    os.utime(path, (1, 1))
    ticks.now += 10
    assert geo.lookup("192.0.2.1")["city"] == "Thun"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3::4", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("host.example", None),
        (None, None),
    ],
)
def test_addresses_are_cut_to_their_network(address: str | None, network: str | None) -> None:
    assert truncate_address(address) == network
