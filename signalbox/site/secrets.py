"""Secrets of one installation: made once by `up`, kept in the data folder, readable by us alone."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from signalbox.core.settings import SettingError
from signalbox.site.settings import Settings

MADE = {
    "SIGNALBOX_INIT_TOKEN_SECRET": ("INIT_TOKEN_SECRET",),
    "SIGNALBOX_SESSION_TOKEN_SECRET": ("SESSION_TOKEN_SECRET",),
    "SIGNALBOX_ENCRYPTION_SECRET": (),
}
# Made as well, but nothing needs it: two hosts may differ in it, and without it a feature is off.
OPTIONAL = {"SIGNALBOX_DEMO_SECRET": ()}
_ALL: dict[str, tuple[str, ...]] = MADE | OPTIONAL


def stored_secrets(data_dir: Path) -> dict[str, str]:
    """Secrets that `up` has made for this data folder, by variable; empty before its first start.

    Raises SettingError if the file is damaged.
    """
    path = data_dir / "secrets"
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise SettingError("SIGNALBOX_DATA", f"{path} may not be read by this user") from None
    except ValueError:
        raise SettingError("SIGNALBOX_DATA", f"{path} is damaged: restore it") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise SettingError("SIGNALBOX_DATA", f"{path} is damaged: restore it")
    return found


def ensure_secrets(data_dir: Path) -> dict[str, str]:
    """The stored secrets; what is missing is made and written, durably, before it is used."""
    found = stored_secrets(data_dir)
    missing = {name: secrets.token_urlsafe(32) for name in _ALL if name not in found}
    if missing:
        _write(data_dir / "secrets", found | missing)
    return found | missing


def with_stored_secrets(environ: Mapping[str, str], data_dir: Path) -> dict[str, str]:
    """The environment, completed by the stored secrets that it does not set itself."""
    given = given_secrets(environ)
    stored = stored_secrets(data_dir)
    return {**environ, **{name: value for name, value in stored.items() if name not in given}}


def without_stored_secrets(
    completed: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """Take out again what `with_stored_secrets` has added to `environ`.

    For a process that reads the stored ones by itself, so that after a rotation a restart is enough.
    """
    added = _ALL.keys() - given_secrets(environ)
    return {name: value for name, value in completed.items() if name not in added}


def given_secrets(environ: Mapping[str, str]) -> set[str]:
    """Variables whose secret the operator sets, under whichever name, or by a file of the operator's."""
    return {
        name
        for name, aliases in _ALL.items()
        if any(environ.get(n) or environ.get(f"{n}_FILE") for n in (name, *aliases))
    }


def put_in_front(data_dir: Path, made: Mapping[str, str], *, keep: int) -> None:
    """Write new secrets before the stored ones; of those the first `keep` stay, to verify and to read."""
    stored = stored_secrets(data_dir)
    changed = {
        name: ",".join([secret, *stored.get(name, "").split(",")[:keep]])
        for name, secret in made.items()
    }
    _write(data_dir / "secrets", stored | changed)


def missing_secrets(settings: Settings) -> list[str]:
    """Variables of secrets that are not set, sorted by declaration."""
    return [name for name, value in zip(MADE, _values(settings), strict=True) if not value]


def fingerprints(settings: Settings) -> dict[str, list[str]]:
    """Tell secrets apart without telling them: hexadecimal, by variable, in the order in which they are set."""
    return {
        name: [fingerprint(name, secret) for secret in group]
        for name, group in zip(MADE, _values(settings), strict=True)
    }


def fingerprint(name: str, secret: str) -> str:
    """The fingerprint of one secret of a variable."""
    return sha256(f"signalbox fingerprint\0{name}\0{secret}".encode()).hexdigest()


def _values(settings: Settings) -> tuple[list[str], ...]:
    """Secrets in the order of `MADE`."""
    site = settings.site
    return (site.init_token_secret, site.session_token_secret, site.encryption_secret)


def _write(path: Path, values: Mapping[str, str]) -> None:
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        json.dump(dict(values), output, indent=2)
        output.flush()
        os.fsync(output.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
