"""A site with an app, and someone who may look at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.monitoring.conftest import House, house, houses
from tests.monitoring.live.stream import key_for

__all__ = ["house", "houses"]


@pytest.fixture
async def app(house: House) -> Mapping[Any, Any]:
    """An app of alice's organization."""
    return await house.app()


@pytest.fixture
async def alice(house: House, app: Mapping[Any, Any]) -> dict[str, str]:
    """A key of the app's organization."""
    return await key_for(house, organization_id=app["organization_id"])


@pytest.fixture
async def charlie(house: House) -> dict[str, str]:
    """A key of another organization."""
    other = await house.app()
    return await key_for(house, organization_id=other["organization_id"])
