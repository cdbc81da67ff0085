"""Embedded servers start, stop, keep data and survive what a killed predecessor left behind."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from redis import Redis

from signalbox.site import embedded
from signalbox.site.embedded import EmbeddedServerError, start_postgres, start_redis


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sbe-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def sockets_of(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def test_postgres_keeps_data_over_a_restart(data: Path) -> None:
    server = start_postgres(data, fast_unsafe=True)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    server.stop()
    assert not server.is_alive()

    again = start_postgres(data, fast_unsafe=True)
    with psycopg.connect(again.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    again.stop()
    assert again.url == server.url == embedded.postgres_url(data)


def test_postgres_left_behind_is_stopped_before_the_next_start(data: Path) -> None:
    orphan = start_postgres(data, fast_unsafe=True)

    server = start_postgres(data, fast_unsafe=True)

    assert orphan.process.wait(5) == 0
    assert server.is_alive()
    server.stop()


def test_a_stale_pid_file_does_no_harm(data: Path) -> None:
    server = start_postgres(data, fast_unsafe=True)
    server.process.send_signal(signal.SIGKILL)
    server.process.wait(5)
    assert (data / "postgres" / "postmaster.pid").exists()
    # The number may belong to somebody else by now: say, to us.
    (data / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")

    again = start_postgres(data, fast_unsafe=True)

    assert again.is_alive()
    again.stop()


def test_only_we_reach_the_sockets(data: Path) -> None:
    server, redis = start_postgres(data, fast_unsafe=True), start_redis(data)
    folders = (sockets_of(server.url), Path(urlsplit(redis.url).path).parent)

    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700, 0o700]
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.info.server_version >= 180_000
    redis.stop()
    server.stop()


def test_servers_of_root_run_under_another_account(data: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root changes accounts")
    server = start_postgres(data, fast_unsafe=True)

    assert Path(f"/proc/{server.pid}").stat().st_uid not in (0, 65_534)
    server.stop()


def test_a_deep_folder_below_a_private_one_works(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    deep = tmp_path / ("x" * 60) / ("y" * 60)

    server, redis = start_postgres(deep, fast_unsafe=True), start_redis(deep)

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("signalbox",)
    assert len(os.fsencode(sockets_of(server.url))) < 80
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
    redis.stop()
    server.stop()
    shutil.rmtree(sockets_of(server.url))
    shutil.rmtree(Path(urlsplit(redis.url).path).parent)


def test_data_of_another_version_is_refused(data: Path) -> None:
    start_postgres(data, fast_unsafe=True).stop()
    (data / "postgres" / "PG_VERSION").write_text("17\n")

    with pytest.raises(EmbeddedServerError, match="written by PostgreSQL 17"):
        start_postgres(data)


def test_a_folder_without_a_cluster_is_named_and_left_alone(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)

    with pytest.raises(EmbeddedServerError, match="holds no data of PostgreSQL"):
        start_postgres(data)
    assert list((data / "postgres").iterdir()) == []


def test_a_server_that_cannot_start_says_why(data: Path) -> None:
    start_postgres(data, fast_unsafe=True).stop()
    (data / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        start_postgres(data)


def test_redis_keeps_data_over_a_restart_and_an_orphan(data: Path) -> None:
    orphan = start_redis(data)
    with Redis.from_url(orphan.url) as client:
        client.set("kept", "7")

    server = start_redis(data)

    assert orphan.process.wait(5) == 0
    with Redis.from_url(server.url) as client:
        assert client.get("kept") == b"7"
    server.stop()
    assert not server.is_alive()
