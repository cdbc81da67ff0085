"""The OpenAPI document of this version, without a running server: `python scripts/openapi_document.py`.

The dashboard's types are generated from it. Paths that exist with and without `/v1` are given with it only.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from typing import Any

import httpx
import msgspec

from signalbox.core.clock import SystemClock
from signalbox.core.metrics import Metrics
from signalbox.site.app import create_site
from signalbox.site.settings import load_settings


def document() -> dict[str, Any]:
    """What a running site answers at `/openapi.json`, as `dict`; connects to nothing."""
    with tempfile.TemporaryDirectory() as data:
        # Addresses and secrets of no meaning: nothing is opened.
        environment = {
            "SIGNALBOX_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
            "SIGNALBOX_REDIS_URL": "redis://127.0.0.1:1",
            "SIGNALBOX_DATA": data,
            **{
                f"SIGNALBOX_{name}_SECRET": name[0] * 32
                for name in ("INIT_TOKEN", "SESSION_TOKEN", "ENCRYPTION")
            },
        }
        site = create_site(load_settings(environment), clock=SystemClock(), metrics=Metrics())
        return asyncio.run(_ask(site))


async def _ask(site: Any) -> dict[str, Any]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=site), base_url="http://localhost"
    ) as client:
        answer = await client.get("/openapi.json")
    answer.raise_for_status()
    decoded: dict[str, Any] = answer.json()
    return decoded


def for_clients(full: dict[str, Any]) -> dict[str, Any]:
    """The document without the second names of paths that exist below `/v1`."""
    paths = full["paths"]
    kept = {path: item for path, item in paths.items() if f"/v1{path}" not in paths}
    return {**full, "paths": kept}


def main() -> None:
    """Writes the document to standard output."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(for_clients(document()))).decode())


if __name__ == "__main__":
    main()
