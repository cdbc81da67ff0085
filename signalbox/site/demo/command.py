"""The command `signalbox demo`."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from typing import Final

import aiohttp
import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from signalbox.accounts import queries
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.settings import SettingError
from signalbox.site.commands.running import database_url, run
from signalbox.site.demo.plan import MAX_DAYS, past_calls, some_calls
from signalbox.site.demo.player import TIMEOUT_S, DemoError, Player, stopped_within
from signalbox.site.demo.plays import past_plays
from signalbox.site.demo.steps import Call
from signalbox.site.demo.viewers import Viewers, key_of_app

APP: Final = "demo"
SIDE_BY_SIDE: Final = 16
LIVE_CALLS: Final = 4
CALLS_A_DAY: Final = 8
PLAYS_A_DAY: Final = 60
LIVE_VIEWERS: Final = 12
PAST_CALLS: Final = 40  # at least
BEGIN_WITHIN_S: Final = 8.0  # running calls do not all begin, and report, at the same moment


@click.command()
@click.option(
    "--calls",
    type=click.IntRange(1, 10_000),
    help=f"How many calls: {CALLS_A_DAY} for each day and at least {PAST_CALLS}; with --live, how many at a time: {LIVE_CALLS}.",
)
@click.option(
    "--days",
    type=click.FloatRange(0.01, MAX_DAYS),
    default=7.0,
    show_default=True,
    help="How far back in time the calls reach.",
)
@click.option("--live", is_flag=True, help="Play in real time, until Ctrl-C.")
@click.option("--url", help="Address of a Signalbox; this machine's without.")
@click.option(
    "--api-key",
    help="API key of the app to play for; without, that of this installation's app `demo`.",
)
@click.option(
    "--plays",
    type=click.IntRange(0, 100_000),
    help=f"How many playback sessions: {PLAYS_A_DAY} for each day; with --live, how many viewers at a time: {LIVE_VIEWERS}.",
)
@click.option(
    "--playback-key",
    help="Key that may ingest playback, together with --api-key; this installation's app gets one for the time being.",
)
@click.option("--random-state", type=int, help="Play the same calls again.", hidden=True)
def demo(
    calls: int | None,
    days: float,
    live: bool,
    url: str | None,
    api_key: str | None,
    plays: int | None,
    playback_key: str | None,
    random_state: int | None,
) -> None:
    """Play calls to look at: good, lossy, relayed, failed, without permission, with broken devices, rejoining, through an SFU.

    And people who watch videos: well, slowly, with stalls, in vain.
    """
    address = url or local_address()
    key = api_key or local_api_key()
    dice, secret = random.Random(random_state), local_secret()
    if playback_key is None and api_key is not None:
        plays = 0  # somebody else's database: there is nobody to ask for a key
    many = plays if plays is not None else LIVE_VIEWERS if live else round(PLAYS_A_DAY * days)

    async def play() -> None:
        async with _viewers(address, playback_key, many, secret) as viewers:
            if live:
                at_a_time = calls or LIVE_CALLS
                await play_live(
                    address, key, dice, at_a_time=at_a_time, secret=secret, viewers=viewers, watching=many
                )  # fmt: skip
                return
            some = calls or max(PAST_CALLS, round(CALLS_A_DAY * days))
            await play_past(address, key, dice, calls=some, days=days, secret=secret)
            if viewers is not None:
                # With dice of their own: the calls of a state are the same with and without them.
                watched = past_plays(
                    random.Random(random_state), plays=many, days=days, now=time.time()
                )
                await viewers.send_all(watched, SIDE_BY_SIDE)
                click.echo(f"{many} playback sessions are there, too.")

    try:
        asyncio.run(play())
    except DemoError as error:
        raise click.ClickException(str(error)) from None


@asynccontextmanager
async def _viewers(
    address: str, key: str | None, many: int, secret: str | None
) -> AsyncIterator[Viewers | None]:
    """Who sends playback sessions; None when there are to be none."""
    if not many:
        yield None
        return
    async with AsyncExitStack() as stack:
        if key is None:
            key = await stack.enter_async_context(key_of_app(database_url(), APP))
        http = await stack.enter_async_context(_http())
        yield Viewers(http, address, key, told=lambda: None, secret=secret)


def local_address() -> str:
    """Where this machine's Signalbox listens, by its settings."""
    import os

    from signalbox.site.settings import load_settings

    try:
        site = load_settings(os.environ).site
    except SettingError as error:
        raise click.ClickException(str(error)) from None
    host = "127.0.0.1" if site.host in ("0.0.0.0", "::", "") else site.host  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{site.port}"


def local_api_key() -> str:
    """The key of the app `demo` in this installation's database."""

    async def find(db: Database, _at: datetime) -> str | None:
        async with db.read() as tx:
            apps = await queries.apps(tx, SYSTEM)
        return next((str(app["api_key"]) for app in apps if app["name"] == APP), None)

    key = run(find)
    if key is None:
        raise click.ClickException(
            f"This installation has no app named `{APP}`: make one with `signalbox app create {APP}`, or give --api-key."
        )
    return key


def local_secret() -> str | None:
    """What this installation's demonstration proves itself with; None when it is not ours to read."""
    import os

    from signalbox.site.secrets import with_stored_secrets
    from signalbox.site.settings import load_settings

    try:
        first = load_settings(os.environ)
        return load_settings(with_stored_secrets(os.environ, first.core.data)).site.demo_secret
    except SettingError:
        return None


async def play_past(
    url: str,
    api_key: str,
    dice: random.Random,
    *,
    calls: int,
    days: float,
    secret: str | None = None,
) -> None:
    """Play so many calls back in time, several side by side, with a progress bar. Raises DemoError.

    With the `secret` of an installation on this machine no rate limit holds it up.
    """
    played = past_calls(dice, api_key, calls=calls, days=days, now=time.time())
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task(f"{calls} calls", total=sum(len(call.steps) for call, _ in played))
        async with _http() as http:
            player = Player(http, url, told=lambda: progress.advance(task), secret=secret)
            await _side_by_side(player, played)
    click.echo(f"{calls} calls of the last {days:g} days are there. Look at {url}")


async def _side_by_side(player: Player, starts: list[tuple[Call, float]]) -> None:
    waiting = iter(starts)

    async def work() -> None:
        for call, at in waiting:
            await player.back_in_time(call, at)

    tasks = [asyncio.create_task(work()) for _ in range(SIDE_BY_SIDE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def play_live(
    url: str,
    api_key: str,
    dice: random.Random,
    *,
    at_a_time: int,
    stop: asyncio.Event | None = None,
    secret: str | None = None,
    viewers: Viewers | None = None,
    watching: int = 0,
) -> None:
    """Play calls in real time until Ctrl-C (or `stop`), then hang up; `watching` of `viewers` watch meanwhile. Raises DemoError."""
    stop = stop or _on_interrupt()
    source = some_calls(dice, api_key)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed} requests; Ctrl-C ends"),
    ) as progress:
        task = progress.add_task(f"{at_a_time} calls at a time", total=None)
        async with _http() as http:
            player = Player(http, url, told=lambda: progress.advance(task), secret=secret)

            async def line(begin_s: float) -> None:
                await stopped_within(stop, begin_s)
                while not stop.is_set():
                    await player.live(next(source), stop)

            async def seat(watched: Viewers, begin_s: float) -> None:
                await stopped_within(stop, begin_s)
                while not stop.is_set():
                    await watched.watch(dice, stop)

            begins = [BEGIN_WITHIN_S * number / at_a_time for number in range(at_a_time)]
            tasks = [asyncio.create_task(line(begin_s)) for begin_s in begins]
            if viewers is not None:
                seats = [BEGIN_WITHIN_S * number / watching for number in range(watching)]
                tasks += [asyncio.create_task(seat(viewers, begin_s)) for begin_s in seats]
            try:
                await asyncio.gather(*tasks)
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


def _on_interrupt() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(sign, stop.set)
    return stop


def _http() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
