"""Access to PostgreSQL: one pool, transactions that offer SQLAlchemy for reads and psycopg for bulk writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any, Final, cast

from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Executable, QueuePool, RowMapping
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection as SaConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# A server that vanishes without a word (power, a cut cable) is given up after 10 to 25 s, not after the system's two
# hours. Local sockets ignore the last four; what the address itself says wins.
PATIENCE: Final = {
    "connect_timeout": 5,  # seconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms that sent data may stay unacknowledged
}


POOL_TIMEOUT_S: Final = 3  # that one may wait for a free connection of the pool
RECYCLE_S: Final = 1800  # after which a connection is replaced
OVERFLOW: Final = 5  # connections beyond the pool's size, closed after use


def sqlalchemy_url(url: str) -> str:
    """The same address with the driver named, as SQLAlchemy wants it."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url[len(scheme) :]
    return url


def _patience(url: str) -> dict[str, int]:
    given = conninfo_to_dict(url)
    return {name: value for name, value in PATIENCE.items() if name not in given}


class Tx:
    """One open transaction."""

    def __init__(self, connection: SaConnection, raw: AsyncConnection[Any]) -> None:
        self._connection = connection
        self.psycopg = raw

    async def execute(self, statement: Executable, parameters: Any = None) -> Any:
        """Run a SQLAlchemy statement and hand back its result."""
        return await self._connection.execute(statement, parameters)

    async def rows(self, statement: Executable) -> Sequence[RowMapping]:
        """All rows of a SQLAlchemy select, as mappings; empty when there are none."""
        return (await self._connection.execute(statement)).mappings().all()

    async def row(self, statement: Executable) -> RowMapping | None:
        """The first row, or None."""
        return (await self._connection.execute(statement)).mappings().first()


class Database:
    """A pool of connections to one PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int = 5, idle: int = 0) -> None:
        self.url = url
        self._pool_size, self._idle = pool_size, min(idle, pool_size)
        self._engine: AsyncEngine | None = None

    async def open(self) -> None:
        """Make the pool; but for `idle` connections, they are opened when first needed. A database that is away is asked later."""
        self._engine = create_async_engine(
            sqlalchemy_url(self.url),
            pool_size=self._pool_size,
            max_overflow=OVERFLOW,
            pool_pre_ping=True,
            pool_timeout=POOL_TIMEOUT_S,
            pool_recycle=RECYCLE_S,
            hide_parameters=True,
            connect_args=_patience(self.url),
        )
        async with AsyncExitStack() as opened:
            with suppress(SQLAlchemyError, OSError):
                for _ in range(self._idle):
                    await opened.enter_async_context(self._engine.connect())

    @property
    def pool_counts(self) -> tuple[int, int, int]:
        """Connections of the pool that are used, that are idle, and how many there may be."""
        if self._engine is None:
            return 0, 0, self._pool_size + OVERFLOW
        pool = cast("QueuePool", self._engine.pool)
        return pool.checkedout(), pool.checkedin(), self._pool_size + OVERFLOW

    async def close(self) -> None:
        """Close every connection."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        """A transaction that commits at the end of the block and rolls back on an exception."""
        assert self._engine is not None, "open() first"
        async with self._engine.begin() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            yield Tx(connection, cast("AsyncConnection[Any]", raw))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        """A transaction for reading; nothing it does is kept."""
        assert self._engine is not None, "open() first"
        async with self._engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            yield Tx(connection, cast("AsyncConnection[Any]", raw))

    async def connect(self) -> AsyncConnection[Any]:
        """A connection of its own beside the pool, in autocommit, for a writer or a listener."""
        return await AsyncConnection.connect(
            make_conninfo(self.url, **_patience(self.url)), autocommit=True
        )
