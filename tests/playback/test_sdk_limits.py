"""How often a key may report, and what a door tells of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from signalbox.accounts import service as accounts
from signalbox.core.actor import SYSTEM
from signalbox.core.limits import EXACT_LIMIT
from tests.conftest import START
from tests.monitoring.conftest import House, Houses
from tests.playback.conftest import new_player
from tests.playback.playing import Player, report

NOW_S = int(START.timestamp())


@pytest.fixture
async def limited(houses: Houses) -> AsyncIterator[House]:
    async with houses(SIGNALBOX_RATE_LIMITS="on", RATE_LIMIT_REQUESTS="3", RATE_LIMIT_WINDOW_SEC="60") as house:  # fmt: skip
        yield house


async def change_keys(house: House, player: Player, **columns: object) -> None:
    named = ", ".join(f"{name} = %s" for name in columns)
    async with house.db.begin() as tx:
        await tx.psycopg.execute(
            f"UPDATE accounts.api_keys SET {named} WHERE app_id = %s",
            (*columns.values(), player.app["id"]),
        )


async def test_so_many_pass_in_any_window_and_bad_ones_count(limited: House) -> None:
    player = await new_player(limited)

    answers = [await player.post(body) for body in (report(), b"[]", report(), report())]

    assert [a.status_code for a in answers] == [200, 400, 200, 429]
    assert [a.headers["x-ratelimit-remaining"] for a in answers] == ["2", "1", "0", "0"]
    assert {a.headers["x-ratelimit-limit"] for a in answers} == {"3"}
    assert {a.headers["x-ratelimit-reset"] for a in answers} == {str(NOW_S + 60)}
    refused = answers[-1]
    assert refused.json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert refused.headers["retry-after"] == "60"


async def test_a_slot_is_free_again_when_its_hit_has_left_the_window(limited: House) -> None:
    player = await new_player(limited)
    await player.post(report())
    limited.clock.advance(30)
    assert [(await player.post(report())).status_code for _ in range(3)] == [200, 200, 429]
    limited.clock.advance(30)

    assert [(await player.post(report())).status_code for _ in range(2)] == [200, 429]


async def test_rotated_keys_share_a_bucket_and_others_do_not(limited: House) -> None:
    player = await new_player(limited)
    keys = await accounts.create_key(limited.db, app_id=player.app["id"], scopes=["ingest"], by=SYSTEM, at=START)  # fmt: skip
    old, old_secret = keys
    _, new_secret = await accounts.rotate_key(
        limited.db, old["key_id"], by=SYSTEM, at=START, overlap_s=600
    )
    first, second = (Player(player.client, player.app, key) for key in (old_secret, new_secret))
    async with limited.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.api_keys SET bucket_id = rotated_from WHERE rotated_from = %s",
            (old["key_id"],),
        )

    shared = [await (first, second)[n % 2].post(report()) for n in range(4)]

    assert [a.status_code for a in shared] == [200, 200, 200, 429]
    assert (await player.post(report())).status_code == 200


async def test_a_key_has_a_limit_of_its_own_before_its_app(limited: House) -> None:
    player = await new_player(limited)
    async with limited.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.apps SET playback_rate_limit = 5, playback_rate_window_s = 10 WHERE id = %s",
            (player.app["id"],),
        )
    by_app = await player.post(report())
    limited.site.kernel.playback.keys.forget_all()
    await change_keys(limited, player, rate_limit=7)
    by_key = await player.post(report())

    assert by_app.headers["x-ratelimit-limit"] == "5"
    assert by_key.headers["x-ratelimit-limit"] == "7"


async def test_a_very_high_limit_is_counted_in_batches(limited: House) -> None:
    player = await new_player(limited)
    await change_keys(limited, player, rate_limit=EXACT_LIMIT * 10)

    answers = [await player.post(report()) for _ in range(5)]

    assert {a.status_code for a in answers} == {200}
    assert answers[0].headers["x-ratelimit-limit"] == str(EXACT_LIMIT * 10)
    left = [int(a.headers["x-ratelimit-remaining"]) for a in answers]
    assert left == sorted(left, reverse=True)


async def test_guessing_keys_ends_soon_and_harms_nobody_who_is_known(limited: House) -> None:
    player, later = await new_player(limited), await new_player(limited)
    await player.post(report())

    guesses = [await player.post(report(), {"X-API-Key": f"guess-{n}"}) for n in range(62)]

    assert [a.status_code for a in guesses] == [401] * 60 + [429] * 2
    assert guesses[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert (await player.post(report())).status_code == 200
    assert (await later.post(report())).status_code == 429
    limited.clock.advance(61)
    assert (await later.post(report())).status_code == 200


async def test_an_app_has_a_quota_for_a_day_of_utc(limited: House) -> None:
    limited.clock.set(START.replace(hour=23, minute=59))
    player = await new_player(limited)
    async with limited.db.begin() as tx:
        await tx.psycopg.execute(
            "UPDATE accounts.apps SET quota_playback_reports_daily = 2, playback_rate_limit = 100 WHERE id = %s",
            (player.app["id"],),
        )

    answers = [await player.post(report()) for _ in range(3)]
    limited.clock.set((START + timedelta(days=1)).replace(hour=0))
    tomorrow = await player.post(report())

    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["code"] == "QUOTA_EXCEEDED"
    assert answers[-1].headers["retry-after"] == "60"
    assert tomorrow.status_code == 200


async def test_two_processes_admit_exactly_so_many_together(houses: Houses) -> None:
    on = {"SIGNALBOX_RATE_LIMITS": "on", "RATE_LIMIT_REQUESTS": "20"}
    async with houses(**on) as one, houses(**on) as other:
        player = await new_player(one)
        twin = Player(other.client, player.app, player.key)

        answers = [await (player, twin)[n % 2].post(report()) for n in range(30)]

    assert [a.status_code for a in answers].count(200) == 20


async def test_a_preflight_counts_against_no_limit(limited: House) -> None:
    player = await new_player(limited)
    for _ in range(5):
        await player.client.options("/v1/playback/sessions")

    assert (await player.post(report())).headers["x-ratelimit-remaining"] == "2"


async def test_what_a_key_may_not_do_counts_and_is_told_first(limited: House) -> None:
    reader = await new_player(limited, "read")

    answers = [await reader.post(report()) for _ in range(4)]

    assert [a.status_code for a in answers] == [403] * 4
    assert [a.headers["x-ratelimit-remaining"] for a in answers] == ["2", "1", "0", "0"]
    asked = await limited.client.get("/v1/playback/sessions", headers={"X-API-Key": reader.key})
    assert asked.status_code == 429
