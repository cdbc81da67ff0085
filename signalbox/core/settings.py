"""Typed settings read once from the environment, and the settings of the kernel itself.

Each context has a `settings.py` with a frozen dataclass whose fields are made by `setting(...)`; `site` composes
them into one. `load` reads them, `describe` lists them for the documentation and for the test on clashing names.
An invalid value stops the start with a `SettingError` that names the variable and never shows a secret.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import os
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

Check = Callable[[Any], "str | None"]
"""Looks at a parsed value; returns a complaint such as "must be at least 1", or None when all is well."""

REQUIRED: Final = dataclasses.MISSING
"""Pass as the default of a setting that must be set."""

_SPEC: Final = "signalbox.setting"
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

T = TypeVar("T")


class SettingError(Exception):
    """A variable is missing or invalid. `name` is the variable, `complaint` says what is wrong with it."""

    def __init__(self, name: str, complaint: str) -> None:
        super().__init__(f"{name}: {complaint}")
        self.name = name
        self.complaint = complaint


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """What `setting` was told about one field."""

    env: str
    aliases: tuple[str, ...]
    secret: bool
    doc: str
    check: Check | None

    @property
    def names(self) -> tuple[str, ...]:
        """Every accepted variable, the one that wins first."""
        return (self.env, *self.aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One line of the settings table. `owner` is the path of fields to it, such as "monitoring"; "" at the top."""

    owner: str
    field: str
    env: str
    aliases: tuple[str, ...]
    type: str
    default: str
    secret: bool
    doc: str


def setting(
    default: Any = REQUIRED,
    *,
    env: str,
    aliases: Sequence[str] = (),
    secret: bool = False,
    doc: str = "",
    check: Check | None = None,
) -> Any:
    """A dataclass field that is read from the variable `env`, else from one of `aliases`.

    `default` may be a callable without arguments that makes the value. A secret is left out of `repr`, of error
    messages and of the documentation. Every name also works as `<NAME>_FILE`, which holds a path to read from.
    """
    spec = SettingSpec(env=env, aliases=tuple(aliases), secret=secret, doc=doc, check=check)
    options: dict[str, Any] = {"metadata": {_SPEC: spec}, "repr": not secret, "kw_only": True}
    if default is REQUIRED:
        return dataclasses.field(**options)
    if isinstance(default, list):
        items = tuple(default)
        return dataclasses.field(default_factory=lambda: list(items), **options)
    if callable(default):
        return dataclasses.field(default_factory=default, **options)
    return dataclasses.field(default=default, **options)


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """An instance of the dataclass `cls` with every setting read from `environ`.

    Fields whose type is itself a dataclass are loaded the same way. A variable that is set but empty counts as
    unset, so that `${NAME:-}` in a compose file means "the default".

    Raises:
        SettingError: a required variable is missing, a value does not fit, or a `_FILE` cannot be read.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # T is a dataclass by contract
        spec = field.metadata.get(_SPEC)
        if spec is not None:
            _read_field(values, field, spec, hints[field.name], environ)
        elif dataclasses.is_dataclass(hints[field.name]):
            values[field.name] = load(hints[field.name], environ)
    return cls(**values)


def describe(cls: type[Any], owner: str = "") -> list[SettingRow]:
    """Every setting of `cls` and of the dataclasses composed in it, in the order of declaration."""
    hints = typing.get_type_hints(cls)
    rows: list[SettingRow] = []
    for field in dataclasses.fields(cls):
        spec = field.metadata.get(_SPEC)
        if spec is not None:
            rows.append(_row(owner, field, spec, hints[field.name]))
        elif dataclasses.is_dataclass(hints[field.name]):
            rows += describe(hints[field.name], f"{owner}.{field.name}".lstrip("."))
    return rows


def names_claimed_twice(rows: Sequence[SettingRow]) -> list[str]:
    """Variables, `_FILE` forms included, that more than one setting of `rows` listens to; sorted, normally empty."""
    claims = Counter(
        form for row in rows for name in (row.env, *row.aliases) for form in (name, f"{name}_FILE")
    )
    return sorted(name for name, claimed in claims.items() if claimed > 1)


def at_least(low: float) -> Check:
    """A check: the value is `low` or more."""
    return lambda value: None if value is None or value >= low else f"must be at least {low:g}"


def between(low: float, high: float) -> Check:
    """A check: the value lies in [low, high]."""
    return lambda value: (
        None if value is None or low <= value <= high else f"must be between {low:g} and {high:g}"
    )


def starts_with(*prefixes: str) -> Check:
    """A check: the text begins with one of `prefixes`, such as "redis://"."""
    return lambda value: (
        None
        if value is None or value.startswith(prefixes)
        else f"must start with {' or '.join(prefixes)}"
    )


def _read_field(
    values: dict[str, Any],
    field: dataclasses.Field[Any],
    spec: SettingSpec,
    hint: Any,
    environ: Mapping[str, str],
) -> None:
    found = next(_given(spec, environ), None)
    if found is None:
        if field.default is REQUIRED and field.default_factory is REQUIRED:
            raise SettingError(spec.env, "must be set")
        return
    name, text = found
    try:
        value = _parse(hint, text)
        complaint = spec.check(value) if spec.check else None
    except ValueError as error:
        # The text of a parser's own complaint quotes the value, so a secret gets a plain sentence instead.
        raise SettingError(name, "is not valid" if spec.secret else str(error)) from None
    if complaint is not None:
        raise SettingError(name, complaint)
    values[field.name] = value


def _given(spec: SettingSpec, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in spec.names:
        direct, path = environ.get(name, ""), environ.get(f"{name}_FILE", "")
        if direct and path:
            raise SettingError(name, f"is set, and so is {name}_FILE: set one of them")
        if direct:
            yield name, direct
        elif path:
            yield f"{name}_FILE", _file_text(f"{name}_FILE", Path(path))


def _file_text(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise SettingError(name, f"cannot read {path}: {reason}") from None


def _parse(hint: Any, text: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _parse(next(arg for arg in args if arg is not type(None)), text)
    if origin is Literal:
        words = {str(arg): arg for arg in args}
        # Such as `INFO`, which other programs want in capitals.
        return _choice(words, text if text.strip() in words else text.lower())
    if origin in (list, tuple):
        items = [_parse(args[0], item.strip()) for item in text.split(",") if item.strip()]
        return items if origin is list else tuple(items)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choice({str(member.value): member for member in hint}, text)
    return _PARSERS[hint](text.strip())


def _choice(choices: Mapping[str, Any], text: str) -> Any:
    if text.strip() not in choices:
        raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
    return choices[text.strip()]


def _flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is not on or off")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


_PARSERS: Final[Mapping[Any, Callable[[str], Any]]] = {
    str: str,
    int: _whole,
    float: _number,
    bool: _flag,
    Path: lambda text: Path(text).expanduser(),
}


def _row(owner: str, field: dataclasses.Field[Any], spec: SettingSpec, hint: Any) -> SettingRow:
    return SettingRow(
        owner=owner,
        field=field.name,
        env=spec.env,
        aliases=spec.aliases,
        type=_type_text(hint),
        default=_default_text(field, spec),
        secret=spec.secret,
        doc=spec.doc,
    )


def _type_text(hint: Any) -> str:
    args = [arg for arg in typing.get_args(hint) if arg not in (type(None), ...)]
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _type_text(args[0])
    if origin is Literal:
        return " | ".join(str(arg) for arg in args)
    if origin in (list, tuple):
        return f"{_type_text(args[0])}, …"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " | ".join(str(member.value) for member in hint)
    return str(hint.__name__).lower()


def _default_text(field: dataclasses.Field[Any], spec: SettingSpec) -> str:
    if field.default is not REQUIRED:
        if spec.secret or field.default is None:
            return ""
        return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
    if field.default_factory is REQUIRED:
        return "required"
    made = field.default_factory()
    if spec.secret:
        return ""
    return ", ".join(map(str, made)) if isinstance(made, list) else str(made)


def default_data_folder() -> Path:
    """Where data lives without SIGNALBOX_DATA: /var/lib/signalbox for root, else below the user's XDG data folder."""
    if os.geteuid() == 0:
        return Path("/var/lib/signalbox")
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "signalbox"


def _rate_limits_complaint(text: str) -> str | None:
    """Shape of SIGNALBOX_RATE_LIMITS: "on", "off" or a JSON object of endpoint to [limit, window in seconds]."""
    if text in ("on", "off"):
        return None
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        return "must be on, off or a JSON object"
    if not isinstance(table, dict) or not all(_is_limit(value) for value in table.values()):
        return 'must map an endpoint to [limit, window in seconds], such as {"stats": [3000, 60]}'
    return None


def _is_limit(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(part) is int and part > 0 for part in value)
    )


def with_credentials(url: str, user: str | None, password: str | None) -> str:
    """A database's address as libpq reads it, also of one written for JDBC; user and password where it has none of its own."""
    plain = url.removeprefix("jdbc:")
    parts = urlsplit(plain)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    login, _, address = parts.netloc.rpartition("@")
    own, _, secret = login.partition(":")
    own = own or quote(query.pop("user", "") or user or "", safe="")
    secret = secret or quote(query.pop("password", "") or password or "", safe="")
    login_now = f"{own}:{secret}" if secret else own
    if login_now == login:
        return plain
    asked = f"?{urlencode(query, quote_via=quote)}" if query else ""
    return f"{parts.scheme}://{login_now}@{address}{parts.path}{asked}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings:
    """What the kernel needs: stores, data folder, limits, geo, logs."""

    environment: Literal["development", "production"] = setting(
        "development",
        env="SIGNALBOX_ENV",
        aliases=("ENV", "PLAYBACK_ENV"),
        doc="`production` turns the comforts of development off: console logs, switched-off limits.",
    )
    data: Path = setting(
        default_data_folder,
        env="SIGNALBOX_DATA",
        doc="Folder of embedded servers, secrets, metrics and files.",
    )
    database_url: str | None = setting(
        None,
        env="SIGNALBOX_DATABASE_URL",
        aliases=("DATABASE_URL",),
        secret=True,
        doc="PostgreSQL 15 or newer, also as `jdbc:postgresql://…`; unset means the embedded one.",
        check=starts_with("postgresql://", "postgres://", "jdbc:postgresql://"),
    )
    database_user: str | None = setting(
        None,
        env="SIGNALBOX_DATABASE_USER",
        aliases=("DATABASE_USER",),
        doc="User of the database, where its address names none.",
    )
    database_password: str | None = setting(
        None,
        env="SIGNALBOX_DATABASE_PASSWORD",
        aliases=("DATABASE_PASSWORD",),
        secret=True,
        doc="Password of that user, where the address has none.",
    )
    database_pool_size: int = setting(
        8,
        env="SIGNALBOX_DATABASE_POOL_SIZE",
        aliases=("HIKARI_MAX_POOL_SIZE",),
        doc="Database connections of one process at most.",
        check=between(2, 200),
    )
    database_idle: int = setting(
        0,
        env="SIGNALBOX_DATABASE_IDLE",
        aliases=("HIKARI_MIN_IDLE",),
        doc="Database connections that are opened when a process starts.",
        check=between(0, 200),
    )
    redis_url: str | None = setting(
        None,
        env="SIGNALBOX_REDIS_URL",
        aliases=("PLAYBACK_REDIS_URL",),
        secret=True,
        doc="Redis 6.2 or newer, or Valkey; unset means the embedded one.",
        check=starts_with("redis://", "rediss://", "unix://"),
    )
    redis_timeout_ms: int = setting(
        250,
        env="SIGNALBOX_REDIS_TIMEOUT_MS",
        doc="Milliseconds after which Redis counts as away: limits are then counted by each process alone, and live views wait.",
        check=between(10, 60_000),
    )
    rate_limits: str = setting(
        "on",
        env="SIGNALBOX_RATE_LIMITS",
        doc='`on`, `off` (benchmarks only, refused in production) or JSON: `{"endpoint": [limit, window in seconds]}`.',
        check=_rate_limits_complaint,
    )
    geo_path: Path | None = setting(
        None,
        env="SIGNALBOX_GEO_PATH",
        aliases=("GEOIP_PATH",),
        doc="A MaxMind-format city database (MMDB); unset means no location.",
    )
    log_format: Literal["auto", "json", "console", "text"] = setting(
        "auto",
        env="SIGNALBOX_LOG_FORMAT",
        aliases=("LOG_FORMAT",),
        doc="`auto`: console on a terminal outside production, else JSON lines; `text`: lines without colours.",
    )
    log_level: Literal["debug", "info", "warning", "warn", "error"] = setting(
        "info",
        env="SIGNALBOX_LOG_LEVEL",
        aliases=("LOG_LEVEL",),
        doc="The least serious log lines to write.",
    )

    def __post_init__(self) -> None:
        """Refuses what only fits development when the environment is production."""
        if self.production and self.rate_limits == "off":
            raise SettingError("SIGNALBOX_RATE_LIMITS", "may not be off in production")
        if self.database_url is not None:
            url = with_credentials(self.database_url, self.database_user, self.database_password)
            object.__setattr__(self, "database_url", url)

    @property
    def production(self) -> bool:
        """Whether this installation is a production one."""
        return self.environment == "production"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The mail server; without a host no e-mail is sent."""

    host: str | None = setting(
        None,
        env="SIGNALBOX_SMTP_HOST",
        doc="Mail server that e-mail is handed to; unset: none is sent.",
    )
    port: int = setting(587, env="SIGNALBOX_SMTP_PORT", doc="Its port.", check=between(1, 65_535))
    security: Literal["starttls", "tls", "none"] = setting(
        "starttls",
        env="SIGNALBOX_SMTP_SECURITY",
        doc="How it is spoken to: `starttls`, `tls` from the first byte (port 465), or `none`.",
    )
    user: str | None = setting(
        None, env="SIGNALBOX_SMTP_USER", doc="Name to sign in with; unset: none."
    )
    password: str | None = setting(
        None, env="SIGNALBOX_SMTP_PASSWORD", secret=True, doc="Password to sign in with."
    )
    sender: str = setting(
        "signalbox@localhost", env="SIGNALBOX_SMTP_FROM", doc="Address that e-mail comes from."
    )
