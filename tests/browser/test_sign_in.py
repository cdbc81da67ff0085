"""Signing in, the first change of the password, and signing out."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from playwright.async_api import Page

from tests.browser.conftest import Open
from tests.browser.scene import Scene
from tests.browser.watching import Watch, ready


async def _newcomer(scene: Scene) -> tuple[str, str]:
    """A new member, who was given a one-time password."""
    email = f"{uuid4().hex[:12]}@example.com"
    answer = await scene.api.post(
        f"/v1/organizations/{scene.kept.organization}/members",
        json={"email": email, "role": "viewer"},
    )
    assert answer.status_code in (200, 201), answer.text
    return email, answer.json()["data"]["password"]


async def _sign_in(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail or name").fill(email)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_wrong_password_is_said_and_the_right_one_leads_on(
    open_page: Open, scene: Scene, watch: Watch
) -> None:
    page = await open_page(signed_in=False)
    wanted = scene.at("/apps/{app}/conferences?status=error")
    with watch.excusing(r"status of 401"):
        await page.goto(wanted)
        await page.wait_for_url("**/login?next=*")
        await _sign_in(page, scene.kept.email, "not the password")
        await page.get_by_role("alert").wait_for()
    assert "wrong" in await page.get_by_role("alert").inner_text()
    await _sign_in(page, scene.kept.email, scene.kept.password)
    await page.wait_for_url(f"**{wanted}")


async def test_a_given_password_is_changed_at_the_first_sign_in(
    open_page: Open, scene: Scene, watch: Watch
) -> None:
    """It may be put off, and is asked again at the next one."""
    email, password = await _newcomer(scene)
    page = await open_page(signed_in=False)
    await page.goto("/login")
    await _sign_in(page, email, password)
    await page.wait_for_url("**/change-password*")
    await page.get_by_role("link", name="Not now").click()
    await page.wait_for_url("**/dashboard")
    await ready(page)
    await page.get_by_role("button", name="Account").click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await page.wait_for_url("**/login*")

    await _sign_in(page, email, password)
    await page.wait_for_url("**/change-password*")
    await page.get_by_label("New password").fill("short")
    await page.get_by_label("Once more").fill("short")
    await page.get_by_role("button", name="Save").click()
    assert await page.get_by_label("New password").get_attribute("aria-invalid") == "true"
    await page.get_by_label("New password").fill("long enough, and mine")
    await page.get_by_label("Once more").fill("long enough, and mine")
    await page.get_by_role("button", name="Save").click()
    await page.wait_for_url("**/dashboard")

    again = await open_page(signed_in=False)
    with watch.excusing(r"status of 401"):
        await again.goto("/login")
        await _sign_in(again, email, password)
        await again.get_by_role("alert").wait_for()
    await _sign_in(again, email, "long enough, and mine")
    await again.wait_for_url("**/dashboard")


async def test_next_leads_nowhere_else(open_page: Open, scene: Scene) -> None:
    page = await open_page(signed_in=False)
    await page.goto("/login?next=http://other.example/")
    await _sign_in(page, scene.kept.email, scene.kept.password)
    await page.wait_for_url(f"{scene.kept.url}/**")
    await page.wait_for_url("**/dashboard")
    assert not parse_qs(urlsplit(page.url).query)
