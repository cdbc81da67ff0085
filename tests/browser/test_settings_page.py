"""What is changed on a page is changed at the server."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page

from tests.browser.looking import eventually, row
from tests.browser.scene import Scene
from tests.browser.watching import ready


@pytest.fixture
async def fresh(scene: Scene) -> str:
    """An app that no other test looks at."""
    body = {"organization": scene.kept.organization, "name": f"own {uuid4().hex[:8]}"}
    answer = await scene.api.post("/v1/apps", json=body)
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["data"]["id"])


async def _told(scene: Scene, app: str) -> Any:
    return (await scene.ask(f"/apps/{app}"))["data"]


async def _settings(page: Page, app: str) -> None:
    await page.goto(f"/apps/{app}/settings")
    await ready(page)


async def test_name_domain_and_pause(page: Page, scene: Scene, fresh: str) -> None:
    await _settings(page, fresh)
    part = await row(page, "settings-app")
    await part.get_by_label("Name").fill("renamed")
    await part.get_by_label("Domain").fill("example.com")
    await part.get_by_role("button", name="Save").click()

    async def facts() -> tuple[str, str]:
        told = await _told(scene, fresh)
        return told["name"], told["domain"]

    await eventually(facts, ("renamed", "example.com"))
    await part.get_by_label("Takes calls").click()

    async def recording() -> bool:
        return bool((await _told(scene, fresh))["recording"])

    await eventually(recording, expected=False)


async def test_retention_and_masks(page: Page, scene: Scene, fresh: str) -> None:
    await _settings(page, fresh)
    kept = await row(page, "settings-retention")
    await kept.get_by_label("Raw events").fill("7")
    await kept.get_by_role("button", name="Save").click()

    async def days() -> Any:
        return (await _told(scene, fresh))["retention_events_days"]

    await eventually(days, 7)
    masked = await row(page, "settings-masking")
    await masked.get_by_label("This app has its own choice").click()
    await masked.get_by_label("Addresses").check()
    await masked.get_by_role("button", name="Save").click()

    async def masks() -> Any:
        return (await _told(scene, fresh))["masks"]

    await eventually(masks, ["addresses"])


async def test_a_key_is_shown_once_and_revoked(page: Page, scene: Scene, fresh: str) -> None:
    await _settings(page, fresh)
    keys = await row(page, "settings-keys")
    await keys.get_by_role("button", name="Add key").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Name").fill("grafana")
    await dialog.get_by_role("button", name="Add key").click()
    shown = page.get_by_role("dialog", name="The new key")
    await shown.wait_for()
    await shown.get_by_role("button", name="Done").click()
    await keys.get_by_text("grafana").first.wait_for()
    await keys.get_by_role("button", name="Revoke grafana").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Revoke").click()
    await keys.get_by_text("No keys").wait_for()
