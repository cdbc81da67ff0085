"""GET /conferences/<id>/export."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from litestar import get
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from signalbox.core.db import Database
from signalbox.http.answers import REFUSALS, Answer, Refusal
from signalbox.monitoring import queries
from signalbox.monitoring.errors import InvalidParameters, MissingParameters
from signalbox.monitoring.queries.export import TABLES, Table
from signalbox.monitoring.queries.refusals import ConferenceMissing
from signalbox.monitoring.routes.given import GivenActor, GivenDb
from signalbox.monitoring.service import export

_TYPES: Final = {
    "json": "application/json; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
    "parquet": "application/vnd.apache.parquet",
}
_file = ResponseSpec(bytes, generate_examples=False, description="The file.", media_type="application/octet-stream")  # fmt: skip
_missing = ResponseSpec(Refusal, generate_examples=False, description="There is no such thing.")


@get(
    "/conferences/{conference_id:uuid}/export",
    responses={200: _file, **REFUSALS, 404: _missing},
    summary="Export of a conference",
)
async def export_conference(
    db: GivenDb,
    actor: GivenActor,
    conference_id: FromPath[UUID],
    format_: Annotated[str, QueryParameter(name="format")] = "json",
    table: Annotated[str | None, QueryParameter(name="table")] = None,
) -> Answer:
    """All that is stored of a conference, as a file. `format`: `json`, `csv` or `parquet`; `table`: conferences, participants, sessions, connections,
    tracks, issues, diagnoses, events, samples or flows. Without a table JSON holds all of them and CSV is a zip archive; Parquet needs one."""
    chosen = _table(table)
    if format_ not in ("json", "csv", "parquet"):
        raise InvalidParameters(field="format")
    if format_ == "parquet" and chosen is None:
        raise MissingParameters(field="table")
    async with db.read() as tx:
        if await queries.first(tx, queries.conferences(actor), conference_id) is None:
            raise ConferenceMissing
    kind = "zip" if format_ == "csv" and chosen is None else format_
    name = f"{conference_id}{'-' + chosen.name if chosen else ''}.{kind}"
    return Stream(
        _content(db, conference_id, kind, chosen),
        media_type=_TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _table(name: str | None) -> Table | None:
    if name is None:
        return None
    if name not in TABLES:
        raise InvalidParameters(field="table")
    return TABLES[name]


def _content(
    db: Database, conference: UUID, kind: str, chosen: Table | None
) -> AsyncIterator[bytes]:
    if kind == "json":
        return export.as_json(db, conference, export.ALL if chosen is None else (chosen,))
    if chosen is None:
        return export.as_zip(db, conference, export.ALL)
    return (export.as_csv if kind == "csv" else export.as_parquet)(db, conference, chosen)


HANDLERS = (export_conference,)
