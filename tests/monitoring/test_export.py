"""A conference as a file: everything that is stored of it, in three formats that tell the same."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest
from arro3.io import read_parquet

from signalbox.monitoring.queries import export
from signalbox.monitoring.service import diagnose_conference
from signalbox.monitoring.service import export as service
from tests.monitoring.conftest import House
from tests.monitoring.labelled import SETTINGS
from tests.monitoring.pages import Page
from tests.monitoring.replay import replay, trace

Row = Mapping[Any, Any]
Headers = dict[str, str]


@pytest.fixture(scope="module")
async def call(house: House) -> tuple[Row, str, Headers]:
    """An app, its recorded conference, and a key that may read."""
    app = await house.app()
    await replay(house.client, house.clock, app["api_key"], trace("two-participants"))
    headers = await house.bearer(app, "read")
    answer = await house.client.get(f"/v1/conferences?appId={app['id']}", headers=headers)
    [conference] = answer.json()["data"]
    return app, conference["id"], headers


async def download(house: House, call: tuple[Row, str, Headers], **query: str) -> Any:
    answer = await house.client.get(
        f"/v1/conferences/{call[1]}/export", params=query, headers=call[2]
    )
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of seven rows."""
    monkeypatch.setattr(export, "CHUNK", 7)


async def stored(house: House, conference: str, table: str) -> int:
    async with house.db.read() as tx:
        sql = f"SELECT count(*) FROM monitoring.{table} WHERE conference_id = %s"
        row = await (await tx.psycopg.execute(sql, (conference,))).fetchone()
    assert row is not None
    return int(row[0])


async def test_json_holds_everything(
    house: House, call: tuple[Row, str, Headers], small: None
) -> None:
    answer = await download(house, call)

    assert answer.headers["content-disposition"] == f'attachment; filename="{call[1]}.json"'
    told = answer.json()
    assert set(told) == set(export.TABLES)
    for table in ("sessions", "connections", "tracks", "events", "samples"):
        assert len(told[table]) == await stored(house, call[1], table), table
        assert len({row["id"] for row in told[table]}) == len(told[table])
    assert {row["participant_id"] for row in told["participants"]} == {"alice", "bob"}
    sample = told["samples"][-1]
    assert sample["report"]["connection"]["state"] == "succeeded"
    flows = [row for row in told["flows"] if row["sample"] == sample["id"]]
    assert len(flows) == 4
    inbound = sample["report"]["audio"]["inbound"][0]
    assert flows[0]["bytes"] == inbound["bytesReceived"]
    assert flows[0]["packets"] == inbound["packetsReceived"]
    assert (flows[0]["kind"], flows[0]["direction"]) == ("audio", "inbound")
    assert told["events"] == sorted(told["events"], key=lambda row: (row["created_at"], row["id"]))
    assert told["conferences"][0]["created_at"].endswith("Z")
    assert told["sessions"][0]["platform"]["browser"]["name"].startswith("Chrome")


async def test_what_was_found_to_be_wrong_is_in_it(house: House) -> None:
    app = await house.app()
    await replay(house.client, house.clock, app["api_key"], trace("gum-denied"))
    headers = await house.bearer(app, "read")
    listed = await house.client.get(f"/v1/conferences?appId={app['id']}", headers=headers)
    call = (app, listed.json()["data"][0]["id"], headers)
    empty = (await download(house, call, table="diagnoses")).json()
    await diagnose_conference(house.db, UUID(call[1]), settings=SETTINGS, at=house.clock.now())

    told = (await download(house, call)).json()["diagnoses"]
    answer = await house.client.get(f"/v1/conferences/{call[1]}/diagnosis", headers=headers)

    assert empty == {"diagnoses": []}
    found = answer.json()["data"]
    whole = found["conference"]
    assert whole["cause"] == "permission"
    for one in (whole, *found["participants"]):
        (row,) = [row for row in told if row["participant"] == one["participant"]]
        for name in ("cause", "culprit", "score", "parts", "events", "issues", "version", "computed_at"):  # fmt: skip
            assert row[name] == one[name], name
        assert row["sentence"]
    lines = (await download(house, call, format="csv", table="diagnoses")).text
    assert len(list(csv.DictReader(io.StringIO(lines, newline="")))) == len(told)
    parquet = await download(house, call, format="parquet", table="diagnoses")
    assert read_parquet(io.BytesIO(parquet.content)).read_all().num_rows == len(told)


@pytest.mark.parametrize("table", export.TABLES)
async def test_the_formats_tell_the_same(
    house: House, call: tuple[Row, str, Headers], small: None, table: str
) -> None:
    rows = (await download(house, call, table=table)).json()[table]
    lines = (await download(house, call, format="csv", table=table)).text
    parquet = await download(house, call, format="parquet", table=table)

    flat = list(csv.DictReader(io.StringIO(lines, newline="")))
    assert len(flat) == len(rows)
    columns = read_parquet(io.BytesIO(parquet.content)).read_all()
    assert columns.num_rows == len(rows)
    assert parquet.headers["content-type"] == "application/vnd.apache.parquet"
    for column in export.TABLES[table].columns:
        values = columns.column(column.name).to_pylist()
        for row, line, value in zip(rows, flat, values, strict=True):
            expected = row[column.name]
            if column.kind in ("json", "packed"):
                assert (None if value is None else json.loads(value)) == expected
                assert (json.loads(line[column.name]) if line[column.name] else None) == expected
            elif column.kind == "time":
                assert line[column.name] == (expected or "")
                assert (value is None) is (expected is None)
                if value is not None:
                    assert value.strftime("%Y-%m-%dT%H:%M:%S.%fZ") == expected
            else:
                assert value == expected
                assert line[column.name] == ("" if expected is None else str(expected))


async def test_csv_of_everything_is_an_archive(
    house: House, call: tuple[Row, str, Headers], small: None
) -> None:
    answer = await download(house, call, format="csv")

    assert answer.headers["content-disposition"].endswith('.zip"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{name}.csv" for name in export.TABLES]
        one = (await download(house, call, format="csv", table="events")).content
        assert archive.read("events.csv") == one


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_name_becomes_a_formula_in_a_spreadsheet(house: House, begin: str) -> None:
    app = await house.app()
    name = f"{begin}cmd|' /C calc'!A0"
    entry = {"apiKey": app["api_key"], "conferenceId": "c", "conferenceName": name, "userId": "u"}
    answer = await house.client.post("/v1/initialize", json={**entry, "userName": name})
    assert answer.status_code == 200
    headers = await house.bearer(app, "read")
    listed = await house.client.get(f"/v1/conferences?appId={app['id']}", headers=headers)
    call = (app, listed.json()["data"][0]["id"], headers)

    for table, column in (("conferences", "conference_name"), ("participants", "participant_name")):
        lines = (await download(house, call, format="csv", table=table)).text
        (line,) = csv.DictReader(io.StringIO(lines, newline=""))
        assert line[column] == f"'{name}"
        (row,) = (await download(house, call, table=table)).json()[table]
        assert row[column] == name


async def test_a_conference_without_reports_has_empty_tables(house: House) -> None:
    app = await house.app()
    await Page.open(house, app)
    headers = await house.bearer(app, "read", only_app=True)
    answer = await house.client.get(f"/v1/conferences?appId={app['id']}", headers=headers)
    call = (app, answer.json()["data"][0]["id"], headers)
    assert (await download(house, call)).json()["samples"] == []
    for table in ("samples", "flows"):
        content = (await download(house, call, format="parquet", table=table)).content
        assert read_parquet(io.BytesIO(content)).read_all().num_rows == 0
        lines = (await download(house, call, format="csv", table=table)).text
        assert lines.count("\r\n") == 1


async def test_who_may_export_and_what(house: House, call: tuple[Row, str, Headers]) -> None:
    path = f"/v1/conferences/{call[1]}/export"
    charlie = await house.bearer(await house.app(), "read", "manage")
    for where, headers, status, code in (
        (path, charlie, 404, "conference_not_found"),
        (path, {}, 401, "missing_token"),
        (f"/v1/conferences/{uuid4()}/export", call[2], 404, "conference_not_found"),
        (path + "?format=xml", call[2], 400, "invalid_parameters"),
        (path + "?table=users", call[2], 400, "invalid_parameters"),
        (path + "?format=parquet", call[2], 400, "missing_parameters"),
    ):
        answer = await house.client.get(where, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (status, code)


async def test_a_reader_who_goes_away_leaves_nothing_running(
    house: House, call: tuple[Row, str, Headers], small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> AsyncIterator[list[Any]]:
        async for rows in export.pieces(house.db, export.TABLES["events"], call[1]):  # type: ignore[arg-type]
            yield rows
            raise ConnectionError

    monkeypatch.setattr(service, "pieces", broken)
    with pytest.raises(ConnectionError):
        async for _ in service.as_parquet(house.db, call[1], export.TABLES["events"]):  # type: ignore[arg-type]
            pass
