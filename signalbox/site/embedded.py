"""PostgreSQL 18 and Redis of our own, as child processes on Unix sockets below the data folder.

Nothing listens on the network: the sockets stand in folders of mode 0700, which is why local
connections need no password. A server outlives neither a clean stop nor (on Linux) the death of
the process that started it; one that does is stopped before the next start.

Everything here blocks. Call it from the main thread: the servers are bound to that thread's life.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from signalbox.site.programs import (
    Account,
    EmbeddedServerError,
    initdb_account,
    make_folder,
    postgres_programs,
    prepare_data_folder,
    reachable,
    redis_program,
    server_account,
    socket_folder,
)

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedServer",
    "EmbeddedServerError",
    "postgres_url",
    "redis_url",
    "start_postgres",
    "start_redis",
]

POSTGRES_MAJOR = "18"
START_TIMEOUT_S = 300.0  # crash recovery may replay gigabytes of log
STOP_TIMEOUT_S = 7.0
POLL_S = 0.01
LOG_LIMIT_BYTES = 10_000_000
POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "fsync": "on",
    "wal_compression": "off",
    "wal_buffers": "16MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
UNSAFE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True, kw_only=True)
class EmbeddedServer:
    """A running server process that we own."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals

    @property
    def pid(self) -> int:
        """Process id of the server's main process."""
        return self.process.pid

    def is_alive(self) -> bool:
        """Whether the main process still runs."""
        return self.process.poll() is None

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop cleanly, then by force; stopping twice changes nothing."""
        for sign in (self.stop_signal, signal.SIGQUIT, signal.SIGKILL):
            if not self.is_alive():
                return
            self.process.send_signal(sign)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s if sign == self.stop_signal else 1.0)


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL 18; `url` names the database `signalbox` and its owner."""


class EmbeddedRedis(EmbeddedServer):
    """Redis; `url` names its database 0."""


def postgres_url(data_dir: Path) -> str:
    """Address of the PostgreSQL of this data folder, whether it runs or not."""
    data_dir = data_dir.absolute()
    account = server_account(data_dir / "postgres")
    return _postgres_url(socket_folder(data_dir, account, "postgres"))


def redis_url(data_dir: Path) -> str:
    """Address of the Redis of this data folder, whether it runs or not."""
    data_dir = data_dir.absolute()
    account = server_account(data_dir / "redis")
    return f"unix://{socket_folder(data_dir, account, 'redis') / 'redis.sock'}"


def start_postgres(data_dir: Path, *, fast_unsafe: bool = False) -> EmbeddedPostgres:
    """Start the PostgreSQL of a data folder; creates the cluster and the database once.

    `fast_unsafe` is for tests: a crash of the machine then loses data.
    Raises EmbeddedServerError if it cannot run; the text ends with the server's last words.
    """
    data_dir = prepare_data_folder(data_dir.absolute())
    cluster = data_dir / "postgres"
    account = server_account(cluster)
    programs = postgres_programs(data_dir, account)
    if not cluster.exists():
        _create_cluster(data_dir, cluster, programs / "initdb", account, sync=not fast_unsafe)
    _check_version(cluster)
    _stop_orphan(cluster, cluster / "postmaster.pid", signal.SIGINT)
    sockets = socket_folder(data_dir, account, "postgres")
    settings = POSTGRES_SETTINGS | (UNSAFE_SETTINGS if fast_unsafe else {})
    with _path_for(cluster, account) as (path, descriptors):
        command = [str(programs / "postgres"), "-D", path, "-k", str(sockets)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        log = _log_file(data_dir, "postgres")
        process = _spawn(command, account, log, signal.SIGINT, keep=descriptors)
    url = _postgres_url(sockets)
    server = EmbeddedPostgres(
        name="PostgreSQL", url=url, process=process, stop_signal=signal.SIGINT
    )
    _await(server, lambda: _postgres_ready(cluster, process.pid), log)
    _create_database(url)
    return server


def start_redis(data_dir: Path) -> EmbeddedRedis:
    """Start the Redis of a data folder. Raises EmbeddedServerError if it cannot run."""
    data_dir = prepare_data_folder(data_dir.absolute())
    folder = data_dir / "redis"
    account = server_account(folder)
    program = redis_program(data_dir, account)
    make_folder(folder, owner=account)
    pid_file = data_dir / "redis.pid"
    _stop_orphan(folder, pid_file, signal.SIGTERM)
    path = socket_folder(data_dir, account, "redis") / "redis.sock"
    command = [str(program), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    command += ["--save", "300", "1", "--stop-writes-on-bgsave-error", "no", "--appendonly", "no"]
    command += [
        "--loglevel",
        "warning",
        "--maxmemory",
        "256mb",
        "--maxmemory-policy",
        "volatile-ttl",
    ]
    log = _log_file(data_dir, "redis")
    process = _spawn(command, account, log, signal.SIGTERM, folder=folder)
    pid_file.write_text(f"{process.pid}\n")
    server = EmbeddedRedis(
        name="Redis", url=f"unix://{path}", process=process, stop_signal=signal.SIGTERM
    )
    _await(server, lambda: _redis_ready(path), log)
    return server


def die_with_parent(sign: signal.Signals) -> Callable[[], None]:
    """Hook for a child between fork and exec: get `sign` when the parent dies (Linux only)."""

    def arrange() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(sign), 0, 0, 0)

    return arrange


def process_in(folder: Path, pid: int) -> bool:
    """Whether a process of this id runs with `folder` as its working directory."""
    try:
        return Path(f"/proc/{pid}/cwd").samefile(folder)
    except (OSError, ValueError):
        return False


def _postgres_url(sockets: Path) -> str:
    return f"postgresql://signalbox@/signalbox?host={quote(str(sockets), safe='')}"


def _create_cluster(
    data_dir: Path, cluster: Path, initdb: Path, account: Account, *, sync: bool
) -> None:
    """Run `initdb` in a draft folder, so that a killed first start leaves no half cluster."""
    draft = data_dir / "postgres.draft"
    shutil.rmtree(draft, ignore_errors=True)
    author = initdb_account()
    make_folder(draft, owner=author)
    with _path_for(draft, author) as (path, descriptors):
        # The builtin locale needs no locale of the system and sorts alike on every machine.
        command = [str(initdb), "-D", path, "--username=signalbox", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--locale=C", "--no-instructions", *([] if sync else ["--no-sync"])]
        log = _log_file(data_dir, "initdb")
        process = _spawn(command, author, log, signal.SIGTERM, keep=descriptors)
        if process.wait() != 0:
            raise EmbeddedServerError(f"PostgreSQL's initdb failed: {_tail(log)}")
    if account.differs:
        for entry in [draft, *draft.rglob("*")]:
            os.chown(entry, account.uid, account.gid, follow_symlinks=False)
    draft.rename(cluster)


def _check_version(cluster: Path) -> None:
    try:
        major = (cluster / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise EmbeddedServerError(
            f"{cluster} holds no data of PostgreSQL (PG_VERSION: {error.strerror}):"
            " restore it, or take the folder away to begin anew."
        ) from None
    if major != POSTGRES_MAJOR:
        raise EmbeddedServerError(
            f"{cluster} was written by PostgreSQL {major}, this is {POSTGRES_MAJOR}:"
            " dump it with the old version first."
        )


def _create_database(url: str) -> None:
    administrative = url.replace("/signalbox?", "/postgres?", 1)
    with psycopg.connect(administrative, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = 'signalbox'")
        if found.fetchone() is None:
            connection.execute("CREATE DATABASE signalbox")


@contextmanager
def _path_for(folder: Path, account: Account) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name of a folder that works for this account, and the descriptors it needs inherited.

    Below a folder that the account may not pass (say, one of mode 0700 that belongs to root) an
    open descriptor still leads there, without any change to that folder's permissions.
    """
    if reachable(folder, account):
        yield str(folder), ()
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def _spawn(
    command: list[str],
    account: Account,
    log: Path,
    parent_died: signal.Signals,
    *,
    keep: tuple[int, ...] = (),
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches only us."""
    identity: dict[str, object] = {}
    if account.differs:
        identity = {"user": account.uid, "group": account.gid, "extra_groups": []}
    try:
        with log.open("ab") as output:
            return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder or "/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                pass_fds=keep,
                preexec_fn=die_with_parent(parent_died),  # noqa: PLW1509 - only calls prctl
                **identity,
            )
    except (OSError, subprocess.SubprocessError) as error:
        raise EmbeddedServerError(f"{command[0]} cannot be started: {error}.") from error


def _await(server: EmbeddedServer, ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    try:
        while not ready():
            if not server.is_alive():
                raise EmbeddedServerError(f"{server.name} did not start: {_tail(log)}")
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"{server.name} is not ready after {START_TIMEOUT_S} s.")
            time.sleep(POLL_S)
    except BaseException:
        server.stop()
        raise


def _postgres_ready(cluster: Path, pid: int) -> bool:
    """Line 1 of postmaster.pid is the process, line 8 its state."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _redis_ready(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(1.0)
        client.connect(str(path))
        client.sendall(b"PING\r\n")
        return client.recv(64).startswith(b"+PONG")
    return False


def _stop_orphan(folder: Path, pid_file: Path, sign: signal.Signals) -> None:
    """Stop a server that a killed `up` left behind on this folder."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    for attempt in (sign, signal.SIGQUIT, signal.SIGKILL):
        if not process_in(folder, pid):
            return
        with suppress(ProcessLookupError):
            os.kill(pid, attempt)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while process_in(folder, pid) and time.monotonic() < deadline:
            time.sleep(POLL_S)
    if process_in(folder, pid):
        raise EmbeddedServerError(f"Process {pid} still uses {folder} and cannot be stopped.")


def _log_file(data_dir: Path, name: str) -> Path:
    """The server's log; one that grew too long is set aside at start."""
    path = make_folder(data_dir / "log") / f"{name}.log"
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return " | ".join(line.strip() for line in lines[-4:]) or "it said nothing."
