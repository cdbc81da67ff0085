"""While the database is away a report waits on disk, if the operator wants that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from signalbox.core.errors import AppError, DatabaseAway
from signalbox.playback.service import spooling
from tests.monitoring.conftest import House, Houses
from tests.playback.conftest import new_player
from tests.playback.playing import Player, report


async def stored(house: House, player: Player) -> int:
    async with house.db.read() as tx:
        cursor = await tx.psycopg.execute(
            "SELECT count(*) FROM playback.sessions WHERE app_id = %s", (player.app["id"],)
        )
        row = await cursor.fetchone()
    return int(row[0]) if row else 0


class Outage:
    """Takes the writer away, and gives it back."""

    def __init__(self, house: House, error: AppError) -> None:
        self._writer: Any = house.site.kernel.playback.writer
        self._commit = self._writer.commit_fact
        self._error = error

    async def _away(self, _message: Any) -> Any:
        raise self._error

    def begin(self) -> None:
        self._writer.commit_fact = self._away

    def end(self) -> None:
        self._writer.commit_fact = self._commit


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spooling, "LOOK_EVERY_S", 0.01)


async def until(condition: Any) -> None:
    for _ in range(6_000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("waited in vain")


async def test_reports_wait_and_are_stored_when_the_database_is_back(houses: Houses) -> None:
    async with houses(PLAYBACK_SPOOL="on", DB_RETRY_BUDGET_MS="0") as house:
        player, outage = await new_player(house), Outage(house, DatabaseAway())
        outage.begin()
        first, second = await player.post(report()), await player.post(report())
        assert (first.status_code, first.json()["status"], first.json()["result"]) == (202, "accepted", "spooled")  # fmt: skip
        assert second.json()["result"] == "spooled"
        assert house.site.kernel.playback.spool.holds_back
        assert house.site.kernel.playback.spool.size_bytes > 0
        assert await stored(house, player) == 0
        outage.end()

        async def all_there() -> bool:
            return await stored(house, player) == 2

        await until(all_there)

        async def over() -> bool:
            return not house.site.kernel.playback.spool.holds_back

        await until(over)
        assert (await player.post(report())).json()["result"] == "created"
        assert house.site.kernel.playback.spool.size_bytes == 0


async def test_a_full_spool_is_an_outage(houses: Houses) -> None:
    async with houses(
        PLAYBACK_SPOOL="on", DB_RETRY_BUDGET_MS="0", PLAYBACK_SPOOL_MAX_BYTES="1048576"
    ) as house:
        player, outage = await new_player(house), Outage(house, DatabaseAway())
        outage.begin()
        big = report(extra="x" * 900_000)
        assert (await player.post(big)).status_code == 202
        refused = await player.post(big)
        ready = await player.client.get("/health/ready")
        outage.end()

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "DATABASE_ERROR")
    assert ready.json()["checks"]["spool"] == "ok"  # 86 %


async def test_a_bad_report_is_refused_also_while_the_database_is_away(houses: Houses) -> None:
    async with houses(PLAYBACK_SPOOL="on", DB_RETRY_BUDGET_MS="0") as house:
        player, outage = await new_player(house), Outage(house, DatabaseAway())
        outage.begin()
        assert (await player.post(report(errorCount=-1))).status_code == 400
        outage.end()
        assert house.site.kernel.playback.spool.size_bytes == 0


async def test_a_report_that_can_never_be_stored_does_not_hold_up_the_others(
    houses: Houses, capfd: pytest.CaptureFixture[str]
) -> None:
    async with houses(PLAYBACK_SPOOL="on", DB_RETRY_BUDGET_MS="0") as house:
        player, outage = await new_player(house), Outage(house, DatabaseAway())
        outage.begin()
        await player.post(report(sessionId="poison"))
        await player.post(report(sessionId="good"))
        commit = outage._commit

        async def picky(message: Any) -> Any:
            if message.report.session_id == "poison":
                raise AppError
            return await commit(message)

        house.site.kernel.playback.writer.commit_fact = picky  # type: ignore[method-assign]

        async def emptied() -> bool:
            return house.site.kernel.playback.spool.size_bytes == 0

        await until(emptied)
        assert await stored(house, player) == 1
        outage.end()
    assert "playback.spooled_report_refused" in "".join(capfd.readouterr())
