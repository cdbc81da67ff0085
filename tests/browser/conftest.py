"""A browser in front of a real site with a month of demo calls.

One site serves all test processes of a run (`keeper`), one Chromium each test process. Every page is
watched; a test fails at its end for what the page did wrong, whatever the test was about.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.browser.keeper import Kept, join
from tests.browser.scene import Scene
from tests.browser.watching import Watch

CHROMIUM = "/usr/bin/chromium"
# No name is looked up and nothing leaves this machine, whatever a page asks for.
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--force-color-profile=srgb", "--font-render-hinting=none",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip
PATIENCE_MS = 60_000

Open = Callable[..., Awaitable[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without Chromium no page can be looked at; the build machine installs it."""
    if Path(CHROMIUM).exists():
        return
    missing = pytest.mark.skip(
        reason=f"{CHROMIUM} is not installed (Debian: apt-get install chromium)"
    )
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest) -> Iterator[Kept]:
    """The site; all test processes of this run share it. SIGNALBOX_TEST_SITE names a keeper's folder that runs already."""
    given = os.environ.get("SIGNALBOX_TEST_SITE")
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid4().hex
    folder = Path(given) if given else Path(tempfile.gettempdir()) / f"sbw-{run[:12]}"
    found, lease = join(folder)
    yield found
    lease.close()


@pytest.fixture(scope="session")
async def api(kept: Kept) -> AsyncIterator[httpx.AsyncClient]:
    """The interface that the pages use, signed in as the administrator."""
    async with httpx.AsyncClient(base_url=kept.url, timeout=30) as client:
        answer = await client.post(
            "/v1/login", json={"email": kept.email, "password": kept.password}
        )
        assert answer.status_code == 200, answer.text
        yield client


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield running
        await running.close()


@pytest.fixture
def watch(kept: Kept) -> Iterator[Watch]:
    """What went wrong on this test's pages; the test fails for it at its end."""
    watching = Watch(kept.url)
    yield watching
    assert not watching.complaints, "\n".join(watching.complaints)


@pytest.fixture
async def open_page(
    browser: Browser, kept: Kept, api: httpx.AsyncClient, watch: Watch
) -> AsyncIterator[Open]:
    """Opens pages, each in a browser context of its own: `open_page(theme="dark", width=360, signed_in=False)`."""
    async with AsyncExitStack() as stack:

        async def opened(
            *, theme: str = "light", width: int = 1280, height: int = 900, signed_in: bool = True
        ) -> Page:
            context: BrowserContext = await browser.new_context(
                base_url=kept.url,
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
                viewport={"width": width, "height": height},
                locale="en-GB",
                timezone_id="Europe/Berlin",
                accept_downloads=True,
                permissions=["clipboard-read", "clipboard-write"],
            )
            stack.push_async_callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            if signed_in:
                await context.add_cookies(
                    [
                        {"name": name, "value": value, "url": kept.url}
                        for name, value in api.cookies.items()
                    ]
                )
            await watch.follow(context)
            return await context.new_page()

        yield opened


@pytest.fixture
async def page(open_page: Open) -> Page:
    """A page of somebody who is signed in: light, 1280 pixels wide."""
    return await open_page()


@pytest.fixture(scope="session")
async def scene(kept: Kept, api: httpx.AsyncClient) -> Scene:
    """The things that the tests look at, found by asking the interface."""
    return await Scene.find(kept, api)
