"""`signalbox secrets`: what signs and encrypts, changed without anybody being turned away."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import click

from signalbox.accounts import service
from signalbox.core.actor import SYSTEM
from signalbox.core.db import Database
from signalbox.core.settings import CoreSettings, SettingError, load
from signalbox.site.commands.running import as_json, done, run, show_all
from signalbox.site.environment import complete_environment, ready_settings
from signalbox.site.secrets import (
    MADE,
    fingerprint,
    fingerprints,
    given_secrets,
    put_in_front,
    stored_secrets,
)

ROTATED = ("SIGNALBOX_INIT_TOKEN_SECRET", "SIGNALBOX_SESSION_TOKEN_SECRET")
Row = Mapping[Any, Any]


@click.group()
def secrets() -> None:
    """The secrets that every host of this database shares.

    Each variable takes several, separated by commas: the first signs, all verify. One of each is agreed on in the
    database, and a host that lacks it does not start. To change a secret on several hosts:

    \b
    1. set OLD,NEW on every host and restart one after the other;
    2. set NEW,OLD on every host and restart one after the other;
    3. run `signalbox secrets accept` on one of them;
    4. when what OLD has signed is too old (a day), set NEW alone.

    On one machine with `signalbox up`, `signalbox secrets rotate` and a restart do all of it.
    """


@secrets.command("show")
@as_json
def show(json_out: bool) -> None:
    """Compare this host's secrets with the agreed ones."""
    held = _held()

    async def verb(db: Database, _at: datetime) -> Sequence[Row]:
        agreed = await service.agreed_secrets(db)
        return [_compared(name, held[name], agreed.get(name)) for name in MADE]

    show_all(run(verb), ("variable", "secrets", "agreed", "fingerprint"), json_out)


@secrets.command("accept")
@click.option(
    "--force",
    is_flag=True,
    help="Even if this host lacks the agreed one: what that has signed is worthless then.",
)
@as_json
def accept(force: bool, json_out: bool) -> None:
    """Agree on the first of this host's secrets."""
    held = _held()

    async def verb(db: Database, at: datetime) -> Sequence[str]:
        return await service.agree_on_secrets(db, held, by=SYSTEM, at=at, force=force)

    changed = run(verb)
    if json_out:
        show_all([{"variable": name} for name in changed], ("variable",), json_out)
    else:
        done(f"Agreed on: {', '.join(changed) or 'nothing new'}.", json_out)


@secrets.command("rotate")
@click.option(
    "--drop-old",
    is_flag=True,
    help="Believe the old ones no longer: everybody who is in a call now is turned away.",
)
@as_json
def rotate(drop_old: bool, json_out: bool) -> None:
    """Make new token secrets in the data folder; then restart what runs on it."""
    data, names = _data(), ROTATED
    _check_stored(data)
    made, held = {name: token_urlsafe(32) for name in names}, _held()
    # What signed until now stays known, and agreed on; what was before it goes.
    _agree(held, rotated=names)
    put_in_front(data, made, keep=1)
    if drop_old:
        _agree(held | {name: [fingerprint(name, made[name]), *held[name]] for name in names})
        put_in_front(data, made, keep=0)
    if json_out:
        show_all([{"variable": name} for name in names], ("variable",), json_out)
    else:
        done("New secrets are stored. They are used after a restart.", json_out)


def _agree(held: Mapping[str, Sequence[str]], *, rotated: Sequence[str] = ()) -> None:
    async def verb(db: Database, at: datetime) -> Sequence[str]:
        return await service.agree_on_secrets(db, held, by=SYSTEM, at=at, rotated=rotated)

    run(verb)


def _compared(name: str, held: Sequence[str], agreed: str | None) -> Row:
    """What this host knows of one variable; the fingerprint is of the secret that it signs with."""
    state = "not yet" if agreed is None else "missing"
    if agreed in held:
        state = "first" if held[0] == agreed else "known"
    return {
        "variable": name,
        "secrets": len(held),
        "agreed": state,
        "fingerprint": held[0][:12],
    }


def _held() -> dict[str, list[str]]:
    try:
        return fingerprints(ready_settings(complete_environment(os.environ)))
    except SettingError as wrong:
        raise click.ClickException(str(wrong)) from None


def _data() -> Path:
    return load(CoreSettings, os.environ).data.absolute()


def _check_stored(data: Path) -> None:
    """Only what `up` has made can be made anew by us."""
    for name in ROTATED:
        if name in given_secrets(os.environ):
            raise click.ClickException(
                f"{name} is set by you: change it there, as `signalbox secrets --help` tells."
            )
        if name not in stored_secrets(data):
            raise click.ClickException(f"{data} holds no {name}: `signalbox up` makes it.")
