"""The first person of an installation is made as the operator says, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest

from signalbox.core.settings import SettingError
from signalbox.site.installation import prepare_installation
from signalbox.site.migrate import migrate
from signalbox.site.settings import load_settings
from tests.conftest import environment_of


@pytest.fixture(scope="module")
def empty_url(postgres_url: str) -> Iterator[str]:
    """A migrated database in which nobody is entered."""
    name = f"signalbox_test_{uuid4().hex[:12]}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    migrate(url)
    yield url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


async def test_an_administrators_address_that_is_none_names_its_variable(
    empty_url: str, redis_url: str, tmp_path: Path
) -> None:
    environ = environment_of(empty_url, redis_url, tmp_path)
    careless = load_settings(environ | {"SIGNALBOX_ADMIN_EMAIL": "not mail"})
    with pytest.raises(SettingError, match="SIGNALBOX_ADMIN_EMAIL"):
        await prepare_installation(careless)

    first = await prepare_installation(load_settings(environ))

    assert first is not None
    assert first.email == "admin@localhost"
