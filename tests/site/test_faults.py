"""What is acknowledged is stored, once, whatever dies: PostgreSQL, Redis, or the process that answered."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.site.callers import Ledger, Load
from tests.site.real import PASSWORD, Serve, Servers, get, log_in, servers, serving, wait_for

AWAY_S = float(os.environ.get("SIGNALBOX_TEST_AWAY_S", "3"))  # how long PostgreSQL stays away
BEFORE_S = 1.0  # of load before something happens
MARKS = {
    "conference": "SELECT conference_id, count(*) FROM monitoring.conferences GROUP BY 1",
    "session": "SELECT metadata->>'mark', count(*) FROM monitoring.sessions GROUP BY 1",
    "connection": """SELECT p.participant_id, count(*) FROM monitoring.connections c
        JOIN monitoring.participants p ON p.id = c.peer_id GROUP BY 1""",
    "event": "SELECT type, count(*) FROM monitoring.events WHERE type LIKE 'mark%%' GROUP BY 1",
    "sample": "SELECT bytes[1], count(*) FROM monitoring.samples GROUP BY 1",
}

log = logging.getLogger(
    __name__
)  # the figures: shown by `pytest -o log_cli=true --log-cli-level=INFO`
pytestmark = [pytest.mark.slow, pytest.mark.faults]


@pytest.fixture(scope="module")
def world() -> Iterator[Servers]:
    with servers() as running:
        yield running


@pytest.fixture(scope="module")
def shared(world: Servers) -> Iterator[Serve]:
    # Limits stay on, far above the load, so that Redis is asked.
    with serving(world, ["one"], SIGNALBOX_INGEST_PER_MINUTE="1000000") as (one,):
        yield one


@pytest.fixture
def serve(shared: Serve) -> Serve:
    """It runs, whatever the test before has done to it."""
    if shared.process.poll() is not None:
        shared.restart()
    shared.await_ready()
    return shared


def load_on(serve: Serve, world: Servers) -> Load:
    return Load([serve.url], world.first.api_key)


def check_stored_once(world: Servers, ledger: Ledger) -> None:
    """Everything acknowledged is there; nothing at all is there twice."""
    for kind, statement in MARKS.items():
        stored = Counter(dict(world.rows(statement)))
        lost = [mark for mark in ledger.acknowledged.get(kind, ()) if not stored[mark]]
        assert lost == [], f"{kind} acknowledged and lost"
        assert [mark for mark, n in stored.items() if n > 1] == [], f"{kind} stored twice"
        assert ledger.acknowledged.get(kind), f"no {kind} was acknowledged at all"


def test_postgres_crashes_and_comes_back(world: Servers, serve: Serve) -> None:
    status, cookie = log_in(serve, world.first.email, PASSWORD)
    assert status == 200
    page = f"/v1/conferences?appId={world.first.app_id}"
    with load_on(serve, world) as load:
        time.sleep(BEFORE_S)
        world.crash_postgres()
        gone_at = time.monotonic()
        wait_for(lambda: load.answered(gone_at, 503), "503")
        assert serve.health()[0] == 503
        assert get(serve, "/health/live")[0] == 200
        assert get(serve, page, cookie)[:2] == (503, "1")
        time.sleep(max(0.0, AWAY_S - (time.monotonic() - gone_at)))
        back_at = time.monotonic()
        assert load.ledger.statuses(gone_at + 0.5, back_at).keys() == {503}
        world.start_postgres()
        started_at = time.monotonic()
        wait_for(lambda: load.answered(started_at), "recovery")
        recovered_s = time.monotonic() - started_at
        time.sleep(BEFORE_S)

    ledger = load.ledger
    log.info(
        "away %.1f s: %d acknowledged, %d repeated, %s, stored again %.2f s after the start",
        back_at - gone_at, ledger.total, ledger.repeated, dict(ledger.statuses()), recovered_s,
    )  # fmt: skip
    assert ledger.wrong == []
    assert ledger.broken == {}
    assert get(serve, page, cookie)[0] == 200
    assert serve.health()[0] == 200
    check_stored_once(world, ledger)
    assert "Traceback" not in serve.output


def test_the_serving_process_is_killed(world: Servers, serve: Serve) -> None:
    with load_on(serve, world) as load:
        time.sleep(BEFORE_S)
        killed = serve.kill_worker()
        assert killed
        killed_at = time.monotonic()
        wait_for(lambda: load.answered(killed_at), "another process in its place")
        time.sleep(BEFORE_S)
        serve.kill()
        assert serve.process.returncode < 0
        serve.restart()
        restarted_at = time.monotonic()
        wait_for(lambda: load.answered(restarted_at), "recovery")
        time.sleep(BEFORE_S)

    ledger = load.ledger
    log.info(
        "%d acknowledged, %d repeated, broken: %s",
        ledger.total, ledger.repeated, dict(ledger.broken),
    )  # fmt: skip
    assert ledger.wrong == []
    assert ledger.statuses().keys() == {200}
    assert ledger.broken
    check_stored_once(world, ledger)


def test_redis_is_killed_and_comes_back(world: Servers, serve: Serve) -> None:
    with load_on(serve, world) as load:
        time.sleep(BEFORE_S)
        world.kill_redis()
        gone_at = time.monotonic()
        wait_for(lambda: serve.health()[1].get("redis") == "unavailable", "redis is missed")
        assert serve.health()[0] == 200
        tries = [log_in(serve, "nobody@example.org", "wrong")[0] for _ in range(12)]
        assert set(tries) == {401, 429}
        assert tries == sorted(tries)
        wait_for(lambda: load.answered(gone_at + BEFORE_S), "load without redis")
        world.start_redis()
        wait_for(lambda: serve.health()[1].get("redis") == "ok", "redis is back")
        time.sleep(BEFORE_S)

    ledger = load.ledger
    log.info("%d acknowledged, %s", ledger.total, dict(ledger.statuses()))
    assert ledger.wrong == []
    assert ledger.broken == {}
    assert ledger.statuses().keys() == {200}
    check_stored_once(world, ledger)


def test_a_database_that_only_reads_is_as_good_as_away(world: Servers, serve: Serve) -> None:
    with load_on(serve, world) as load:
        time.sleep(BEFORE_S)
        world.let_write(False)
        try:
            demoted_at = time.monotonic()
            wait_for(lambda: load.answered(demoted_at, 503), "503")
            assert serve.health()[0] == 503
            assert log_in(serve, world.first.email, PASSWORD)[0] == 503
        finally:
            world.let_write(True)
        promoted_at = time.monotonic()
        wait_for(lambda: load.answered(promoted_at), "recovery")

    ledger = load.ledger
    assert serve.health()[0] == 200
    assert ledger.wrong == []
    assert ledger.broken == {}
    check_stored_once(world, ledger)


def test_a_database_that_hangs_makes_it_unready_and_recovers(world: Servers, serve: Serve) -> None:
    with load_on(serve, world) as load:
        time.sleep(BEFORE_S)
        with world.frozen_postgres():
            # What was found holds for two seconds.
            wait_for(lambda: serve.health()[0] == 503, "unreadiness")
            assert serve.health()[0] == 503
            assert get(serve, "/health/live")[0] == 200
        thawed_at = time.monotonic()
        wait_for(lambda: load.answered(thawed_at), "recovery")
        wait_for(lambda: serve.health()[0] == 200, "readiness")

    ledger = load.ledger
    assert ledger.wrong == []
    check_stored_once(world, ledger)


def test_it_is_asked_to_end_under_load(world: Servers, serve: Serve) -> None:
    with load_on(serve, world) as load:
        time.sleep(BEFORE_S)
        asked_at = time.monotonic()
        assert serve.terminate() == 0
        took_s = time.monotonic() - asked_at

    ledger = load.ledger
    log.info("%d acknowledged, ended in %.2f s", ledger.total, took_s)
    assert ledger.wrong == []
    # Answered, or cut off and never let in: nobody is left waiting.
    assert ledger.broken.keys() <= {
        "ServerDisconnectedError", "ClientOSError", "ClientConnectorError"
    }  # fmt: skip
    check_stored_once(world, ledger)
    assert "Traceback" not in serve.output
