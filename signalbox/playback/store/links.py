"""Statements that are sent together and waited for once.

Of a batch of few reports, waiting for the answer to each statement costs more than the statements do, and the driver's own pipeline looks at the socket
for each of them (measured). So statements are named here, prepared once for each connection, and written with one call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg import AsyncConnection
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGresult

_DONE: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


class Statement(NamedTuple):
    """A statement with `$1` and so on, and what a connection calls it once it is prepared."""

    name: bytes
    sql: bytes


class Link:
    """A connection that nobody else uses meanwhile. `send` some statements, then wait for their `answers`.

    `prepares` is for a connection whose transactions all begin and end here: after a rollback of its own the driver deallocates everything.
    """

    def __init__(self, connection: AsyncConnection[Any], *, prepares: bool = False) -> None:
        self._pgconn, self._prepares = connection.pgconn, prepares
        self._reader = Transformer()
        self._prepared: set[bytes] = set()
        self._sent: list[tuple[Statement, Sequence[bytes] | None]] = []
        self.row_oid: int | None = None  # what its database knows the type of rows by

    def send(self, statement: Statement, *parameters: bytes) -> None:
        """Put one in line; parameters are in PostgreSQL's binary format."""
        if self._prepares and statement.name not in self._prepared:
            self._sent.append((statement, None))
            self._prepared.add(statement.name)
        self._sent.append((statement, parameters))

    async def answers(self) -> list[PGresult]:
        """Carry out what is in line; the answers of those statements that give rows, in their order.

        Raises:
            psycopg.Error: the first that failed; those after it were not carried out.
        """
        sent, self._sent = self._sent, []
        try:
            results = await self._exchanged(sent)
        except BaseException:
            self._pgconn.finish()  # what is still to come would be taken for the answer to something else
            raise
        failed = next((result for result in results if result.status not in _DONE), None)
        if failed is not None:
            self._forget(sent, results)
            raise error_from_result(failed)
        return [result for result in results if result.status == ExecStatus.TUPLES_OK]

    def rows(self, result: PGresult) -> list[tuple[Any, ...]]:
        """The rows of an answer."""
        self._reader.set_pgresult(result)
        return self._reader.load_rows(0, result.ntuples, tuple)

    def _forget(
        self,
        sent: Sequence[tuple[Statement, Sequence[bytes] | None]],
        results: Sequence[PGresult],
    ) -> None:
        """What was to be prepared and was not is to be prepared the next time."""
        for (statement, parameters), result in zip(sent, results, strict=True):
            if parameters is None and result.status not in _DONE:
                self._prepared.discard(statement.name)

    async def _exchanged(
        self, sent: Sequence[tuple[Statement, Sequence[bytes] | None]]
    ) -> list[PGresult]:
        pgconn = self._pgconn
        pgconn.enter_pipeline_mode()
        for statement, parameters in sent:
            if parameters is None:
                pgconn.send_prepare(statement.name, statement.sql)
                continue
            formats = [Format.BINARY] * len(parameters)
            if self._prepares:
                pgconn.send_query_prepared(
                    statement.name, parameters, param_formats=formats, result_format=Format.BINARY
                )
            else:
                pgconn.send_query_params(
                    statement.sql, parameters, param_formats=formats, result_format=Format.BINARY
                )
        pgconn.pipeline_sync()
        while pgconn.flush():
            await self._ready(to_write=True)
            pgconn.consume_input()  # a server that cannot answer reads no further
        results: list[PGresult] = []
        while True:
            while pgconn.is_busy():
                await self._ready()
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # the end of one statement's answer
                if pgconn.status == ConnStatus.BAD:
                    raise psycopg.OperationalError("the connection is lost")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                break
            else:
                results.append(result)
        pgconn.exit_pipeline_mode()
        return results

    async def _ready(self, *, to_write: bool = False) -> None:
        """Wait until the server has said something, or until it can also be told something."""
        loop, descriptor = asyncio.get_running_loop(), self._pgconn.socket
        woken: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, _wake, woken)
        if to_write:
            loop.add_writer(descriptor, _wake, woken)
        try:
            await woken
        finally:
            loop.remove_reader(descriptor)
            if to_write:
                loop.remove_writer(descriptor)


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


_links: WeakKeyDictionary[AsyncConnection[Any], Link] = WeakKeyDictionary()


def link_of(connection: AsyncConnection[Any]) -> Link:
    """The link of a connection whose transactions all begin and end there: it remembers what is prepared."""
    link = _links.get(connection)
    if link is None:
        link = _links[connection] = Link(connection, prepares=True)
    return link
