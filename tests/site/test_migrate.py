"""Migrations may be started by several processes at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from signalbox.site.migrate import is_current, migrate


def test_of_several_migrations_at_once_one_does_the_work(postgres_url: str) -> None:
    name = f"signalbox_race_{uuid4().hex[:8]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        assert not is_current(url)

        with ThreadPoolExecutor(4) as pool:
            changed = list(pool.map(migrate, [url] * 4))

        assert sorted(changed) == [False, False, False, True]
        assert is_current(url)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
