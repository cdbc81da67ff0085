"""What load balancers and orchestrators ask for."""

from __future__ import annotations

import httpx
import pytest

JSON, TEXT = "application/json; charset=utf-8", "text/plain; charset=utf-8"
READY = {"status": "ok", "database": "ok", "redis": "ok"}


@pytest.mark.parametrize("path", ["/health/live", "/healthz"])
async def test_a_running_site_is_alive(site: httpx.AsyncClient, path: str) -> None:
    answer = await site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert answer.json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/readyz"])
async def test_a_site_with_its_stores_is_ready(site: httpx.AsyncClient, path: str) -> None:
    answer = await site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    assert answer.json() == READY


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/_ah/warmup/", "ok"),
        ("/_ah/warmup", "ok"),
        ("/teapot", "I'm a teapot"),
        ("/v1/teapot", "I'm a teapot"),
    ],
)
async def test_some_answers_are_text(site: httpx.AsyncClient, path: str, text: str) -> None:
    answer = await site.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (200, TEXT)
    assert answer.text == text


async def test_only_reading_is_answered(site: httpx.AsyncClient) -> None:
    for path in ("/health", "/healthz", "/_ah/warmup/", "/metrics", "/teapot"):
        assert (await site.post(path)).status_code in (404, 405), path
