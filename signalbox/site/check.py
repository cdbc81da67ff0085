"""`signalbox check`: looks at settings, secrets, database, Redis and the data folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import click
import psycopg
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from signalbox.core.settings import SettingError
from signalbox.site.embedded import EmbeddedServerError
from signalbox.site.environment import complete_environment
from signalbox.site.installation import check_secrets
from signalbox.site.migrate import is_current
from signalbox.site.secrets import missing_secrets
from signalbox.site.settings import Settings, load_settings

SHORTEST_SECRET = 16
OLDEST_POSTGRES, OLDEST_REDIS = 150_000, (6, 2)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `text` says what is wrong with it, or how it is."""

    subject: str
    fine: bool
    text: str


def findings(environ: Mapping[str, str]) -> list[Finding]:
    """Everything that was looked at; with invalid settings nothing else can be."""
    try:
        settings = load_settings(complete_environment(environ))
    except SettingError as error:
        return [Finding("settings", False, str(error))]
    except (EmbeddedServerError, OSError) as error:
        return [Finding("data folder", False, str(error))]
    found = [Finding("settings", True, "valid"), *_secrets(settings), *_warnings(settings)]
    return [*found, *_database(settings), _redis(settings), _geo(settings)]


def report(found: Sequence[Finding], json_out: bool) -> None:
    """Print one line, or one JSON object, per finding."""
    if json_out:
        click.echo(json.dumps([asdict(finding) for finding in found]))
        return
    for finding in found:
        click.echo(f"{'ok  ' if finding.fine else 'FAIL'} {finding.subject}: {finding.text}")


def _secrets(settings: Settings) -> Iterator[Finding]:
    missing = missing_secrets(settings)
    for name in missing:
        yield Finding("secrets", False, f"{name} is not set")
    if not missing:
        yield Finding("secrets", True, "set")
    site = settings.site
    for name, secrets in (
        ("SIGNALBOX_INIT_TOKEN_SECRET", site.init_token_secret),
        ("SIGNALBOX_SESSION_TOKEN_SECRET", site.session_token_secret),
    ):
        if any(len(secret) < SHORTEST_SECRET for secret in secrets):
            text = f"{name} is shorter than {SHORTEST_SECRET} characters: it can be guessed"
            yield Finding("strength of secrets", not settings.core.production, text)


def _warnings(settings: Settings) -> Iterator[Finding]:
    if settings.core.rate_limits == "off":
        yield Finding("rate limits", True, "off: for benchmarks only")


def _database(settings: Settings) -> Iterator[Finding]:
    url = settings.core.database_url
    assert url is not None
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            number = connection.info.server_version
        if number < OLDEST_POSTGRES:
            yield Finding("database", False, f"PostgreSQL {number // 10_000} is older than 15")
            return
        yield Finding("database", True, f"PostgreSQL {number // 10_000}")
        current = is_current(url)
        text = "up to date" if current else "not up to date: run `signalbox migrate`"
        yield Finding("migrations", current, text)
        if current and not missing_secrets(settings):
            asyncio.run(check_secrets(settings))
    except (psycopg.Error, DBAPIError) as error:
        yield Finding("database", False, f"does not answer: {str(error).strip().splitlines()[0]}")
    except SettingError as error:
        yield Finding("secrets", False, str(error))


def _redis(settings: Settings) -> Finding:
    url = settings.core.redis_url
    assert url is not None
    client = Redis.from_url(url, socket_connect_timeout=5.0, socket_timeout=5.0)
    try:
        number = str(client.info("server")["redis_version"])
    except (RedisError, OSError) as error:
        return Finding("redis", False, f"does not answer: {error}")
    finally:
        client.close()
    fine = tuple(int(part) for part in number.split(".")[:2]) >= OLDEST_REDIS
    return Finding("redis", fine, number if fine else f"{number} is older than 6.2")


def _geo(settings: Settings) -> Finding:
    path = settings.core.geo_path
    if path is None:
        return Finding("places", True, "no SIGNALBOX_GEO_PATH: addresses are not located")
    fine = path.is_file()
    return Finding("places", fine, str(path) if fine else f"SIGNALBOX_GEO_PATH: no file {path}")
