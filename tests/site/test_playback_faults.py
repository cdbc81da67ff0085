"""What a player was told is stored, is stored, once, whatever happens to the database or the process."""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.site.real import Serve, Servers, servers, serving, wait_for
from tests.site.viewers import Viewers

AWAY_S = float(os.environ.get("SIGNALBOX_TEST_AWAY_S", "3"))  # how long PostgreSQL stays away
BEFORE_S = 1.0
SETTINGS = {"SIGNALBOX_PLAYBACK_RATE_LIMIT": "1000000"}

log = logging.getLogger(
    __name__
)  # the figures: shown by `pytest -o log_cli=true --log-cli-level=INFO`
pytestmark = [pytest.mark.slow, pytest.mark.faults]


@pytest.fixture(scope="module")
def world() -> Iterator[Servers]:
    with servers() as running:
        yield running


@pytest.fixture(scope="module")
def key(world: Servers) -> str:
    made = world.command("key", "create", "--app", str(world.first.app_id), "--scope", "ingest", "--json")  # fmt: skip
    return str(json.loads(made)["key"])


@pytest.fixture(scope="module")
def refusing(world: Servers) -> Iterator[Serve]:
    with serving(world, ["refusing"], **SETTINGS) as (one,):
        yield one


@pytest.fixture(scope="module")
def spooling(world: Servers) -> Iterator[Serve]:
    with serving(world, ["spooling"], **SETTINGS, SIGNALBOX_PLAYBACK_SPOOL="on") as (one,):
        yield one


def stored(world: Servers) -> Counter[str]:
    rows = world.rows("SELECT session_id, count(*)::int FROM playback.sessions GROUP BY 1")
    return Counter(dict(rows))


def check_stored_once(world: Servers, viewers: Viewers) -> None:
    found = stored(world)
    lost = [name for name in viewers.seen.acknowledged if not found[name]]
    assert viewers.seen.acknowledged
    assert lost == []
    assert [name for name, count in found.items() if count > 1] == []


def test_nothing_acknowledged_is_lost_while_the_database_is_away(
    world: Servers, key: str, refusing: Serve
) -> None:
    with Viewers(refusing.url, key) as viewers:
        began = time.monotonic()
        wait_for(lambda: viewers.answered(began, 200), "a report is stored")
        time.sleep(BEFORE_S)
        world.crash_postgres()
        gone_at = time.monotonic()
        wait_for(lambda: viewers.answered(gone_at, 503), "503")
        told_at = time.monotonic()
        time.sleep(AWAY_S)
        back_at = time.monotonic()
        assert set(viewers.seen.statuses(told_at, back_at)) <= {503}
        world.start_postgres()
        started_at = time.monotonic()
        wait_for(lambda: viewers.answered(started_at, 200), "recovery")
        time.sleep(BEFORE_S)

    seen = viewers.seen
    log.info(
        "away %.1f s: %d stored, %s, longest answer %.2f s",
        back_at - gone_at, len(seen.acknowledged), dict(seen.results()), seen.longest_s,
    )  # fmt: skip
    assert set(seen.statuses()) == {200, 503}
    assert set(seen.results()) == {"created", "DATABASE_ERROR"}
    assert seen.broken == {}
    check_stored_once(world, viewers)
    assert "Traceback" not in refusing.output
    assert key not in refusing.output


@pytest.mark.parametrize("first", ["Content-Length: 3", "Transfer-Encoding: chunked"])
def test_of_two_lengths_the_pieces_count_and_the_connection_ends(
    key: str, refusing: Serve, first: str
) -> None:
    other = "Transfer-Encoding: chunked" if first.startswith("C") else "Content-Length: 3"
    body = b'{"sessionId":"two-lengths","timestamp":1767225645000,"errorCount":0}'
    head = f"POST /v1/playback/sessions HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n{first}\r\n{other}\r\n\r\n"
    smuggled = b"GET /v1/playback/live HTTP/1.1\r\nHost: a\r\n\r\n"
    address = urlsplit(refusing.url)

    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) + smuggled)
        answer = b"".join(iter(lambda: client.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"two-lengths" in answer
    assert answer.count(b"HTTP/1.1") == 1


def test_a_spool_keeps_what_the_database_cannot_even_if_the_process_is_killed(
    world: Servers, key: str, spooling: Serve
) -> None:
    with Viewers(spooling.url, key) as viewers:
        began = time.monotonic()
        wait_for(lambda: viewers.answered(began, 200), "a report is stored")
        world.crash_postgres()
        gone_at = time.monotonic()
        wait_for(lambda: viewers.answered(gone_at, 202, "spooled"), "the spool")
        time.sleep(BEFORE_S)
        spooling.kill()
        world.start_postgres()
        spooling.restart()
        spooling.await_ready()
        again_at = time.monotonic()
        wait_for(lambda: viewers.answered(again_at, 200), "recovery")
    acknowledged = viewers.seen.acknowledged
    wait_for(lambda: acknowledged <= set(stored(world)), "what was spooled is stored")

    log.info("%d stored, %s", len(acknowledged), dict(viewers.seen.results()))
    assert viewers.seen.results()["spooled"] > 0
    check_stored_once(world, viewers)
    left = list((spooling.log.parent / "spool" / "playback").glob("*.spool"))
    wait_for(lambda: not [path for path in left if path.exists()], "the spool is empty")
