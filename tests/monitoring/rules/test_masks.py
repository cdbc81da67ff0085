"""What the masks take out of reports, in every spelling, and what they leave."""

from __future__ import annotations

from copy import deepcopy
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.monitoring.rules.masking import MASKS, Masker, renamed, truncated

LINES = """\
v=0
o=- 42 2 IN IP4 198.51.100.23
c=IN IP6 2001:db8:1:2::3
a=rtcp:9 IN IP4 198.51.100.23
a=ice-ufrag:vGkt
a=ice-pwd:Bsmi8TjN6reP0zLRmRkoaz2c
a=fingerprint:sha-256 31:47:B4
a=crypto:1 AES_CM_128 inline:key
a=candidate:1 1 udp 2122 198.51.100.23 34989 typ srflx raddr 10.1.2.3 rport 9 ufrag vGkt
a=candidate:2 1 udp 2122 0a1b.local 34990 typ host
a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid
"""
SDP = LINES.replace("\n", "\r\n")
CANDIDATE = {
    "candidate": "candidate:1 1 udp 2 2001:db8:1:2::3 9 typ host ufrag vGkt",
    "usernameFragment": "vGkt",
    "address": "2001:db8:1:2::3",
    "relatedAddress": "10.1.2.3",
}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("198.51.100.23", "198.51.100.0"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("[2001:db8:1:2::3]", "2001:db8:1::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:198.51.100.23", "::ffff:198.51.100.0"),
        ("0a1b.local", "0a1b.local"),
        ("turn.example.org", "turn.example.org"),
        ("", ""),
    ],
)
def test_addresses_lose_their_last_part(address: str, kept: str) -> None:
    assert truncated(address) == kept


def test_a_description_loses_addresses_alone() -> None:
    masked = Masker(["addresses"])({"sdp": SDP})["sdp"].split("\r\n")

    assert masked[1:4] == [
        "o=- 42 2 IN IP4 198.51.100.0",
        "c=IN IP6 2001:db8:1::",
        "a=rtcp:9 IN IP4 198.51.100.0",
    ]
    assert masked[4:8] == SDP.split("\r\n")[4:8]
    assert masked[8] == (
        "a=candidate:1 1 udp 2122 198.51.100.0 34989 typ srflx raddr 10.1.2.0 rport 9 ufrag vGkt"
    )
    assert masked[9:] == SDP.split("\r\n")[9:]


def test_a_description_loses_secrets_alone() -> None:
    masked = Masker(["sdp"])([SDP])[0].split("\r\n")

    assert masked[:4] == SDP.split("\r\n")[:4]
    assert masked[4:8] == ["a=ice-ufrag:*", "a=ice-pwd:*", "a=fingerprint:*", "a=crypto:*"]
    assert masked[8].endswith("198.51.100.23 34989 typ srflx raddr 10.1.2.3 rport 9 ufrag *")
    assert masked[10] == SDP.split("\r\n")[10]


def test_candidates_lose_addresses_and_secrets_in_every_field() -> None:
    assert Masker(["addresses", "sdp"])(CANDIDATE) == {
        "candidate": "candidate:1 1 udp 2 2001:db8:1:: 9 typ host ufrag *",
        "usernameFragment": "*",
        "address": "2001:db8:1::",
        "relatedAddress": "10.1.2.0",
    }


def test_other_spellings_of_addresses() -> None:
    told = {
        "hostCandidate": "198.51.100.23:4000",
        "ip": None,
        "address": 7,
        "text": "198.51.100.9",
    }
    assert Masker(["addresses"])(told) == {
        "hostCandidate": "198.51.100.0:4000",
        "ip": None,
        "address": 7,
        "text": "198.51.100.9",
    }
    assert Masker(["addresses"])({"hostCandidate": "[2001:db8:1:2::3]:5"}) == {
        "hostCandidate": "2001:db8:1:::5"
    }
    loose = "candidate:1 address: 198.51.100.23, port: 5"
    assert Masker(["addresses"])(loose) == "candidate:1 address: 198.51.100.0, port: 5"


def test_devices_lose_names_and_ids_in_every_shape() -> None:
    told = [
        {"kind": "audioinput", "label": "Alice's headset", "deviceId": "d", "groupId": "g"},
        {"video": {"deviceId": {"exact": ["d", "e"]}, "width": 3}},
        {"label": None, "deviceId": {"exact": 7}},
    ]
    assert Masker(["devices"])(told) == [
        {"kind": "audioinput", "label": "", "deviceId": "", "groupId": ""},
        {"video": {"deviceId": {"exact": ["", ""]}, "width": 3}},
        {"label": None, "deviceId": {"exact": 7}},
    ]


def test_a_name_may_stand_where_a_host_and_port_are_wanted() -> None:
    told = {"hostCandidate": "198.51.100.23", "googLocalAddress": "0a1b.local:5"}

    assert Masker(["addresses"])(told) == {"hostCandidate": "198.51.100.0", "googLocalAddress": "0a1b.local:5"}  # fmt: skip


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("198.51.100.23:4000", "198.51.100.0:4000"),
        ("198.51.100.0:4000", "198.51.100.0:4000"),
        ("198.51.100.23", "198.51.100.0"),
        ("[2001:db8:1:2::3]:5", "2001:db8:1:::5"),
        ("2001:db8:1:2::3", "2001:db8:1::"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("2001:db8:1:2:3:4:5:6:4000", "2001:db8:1:::4000"),
        ("2001:db8:1:2::abcd", "2001:db8:1::"),
        ("0a1b.local:4000", "0a1b.local:4000"),
        ("0a1b.local", "0a1b.local"),
        ("198.51.100.23:", "198.51.100.23:"),
    ],
)
def test_an_address_loses_its_last_part_with_and_without_port(told: str, kept: str) -> None:
    assert Masker(["addresses"])({"hostCandidate": told}) == {"hostCandidate": kept}


def test_what_no_mask_names_is_left_alone() -> None:
    told: list[Any] = [
        {"x": [1, None, {"y": "v=0 short"}], "n": 2, "t": "text", "o": {}},
        True,
        3.5,
    ]

    assert Masker(MASKS)(deepcopy(told)) == told
    assert Masker([])({"sdp": SDP}) == {"sdp": SDP}
    assert Masker(MASKS)(None) is None


def test_a_description_is_masked_in_a_list_in_an_object() -> None:
    told = {"sdps": ["v=0\r\na=ice-pwd:secret\r\n"]}

    assert Masker(["sdp"])(told) == {"sdps": ["v=0\r\na=ice-pwd:*\r\n"]}


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)


@given(ADDRESSES)
def test_a_truncated_address_stays_as_it_is(address: str) -> None:
    once = truncated(address)

    assert truncated(once) == once
    assert (ip_address(address).version == 4) == (ip_address(once).version == 4)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), ADDRESSES, st.just(SDP)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["address", "hostCandidate", "label", "password", "sdp", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.sets(st.sampled_from(MASKS)))
def test_masking_twice_is_masking_once(value: Any, masks: set[str]) -> None:
    once = Masker(masks)(deepcopy(value))

    assert Masker(masks)(deepcopy(once)) == once
    if not masks:
        assert once == value


def test_names_are_exchanged_only_where_they_are_names() -> None:
    told = {
        "peerId": "host",
        "candidateType": "host",
        "host": ["host", {"userName": "host", "name": "hostess", "label": 7}],
    }

    assert renamed(told, {"host"}, "X") == {
        "peerId": "X",
        "candidateType": "host",
        "host": ["host", {"userName": "X", "name": "hostess", "label": 7}],
    }
    assert renamed("host", {"host"}, "X") == "host"
