"""A browser for the benches: Debian's Chromium without a window, and what its processes use."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, Response, async_playwright

from bench.rig import cpu_s, tree

CHROMIUM: Final = "/usr/bin/chromium"
FLAGS: Final = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--enable-precise-memory-info",
)  # fmt: skip
# Notes, in the page's own time since the navigation began, when it has drawn what it shows.
WATCH_READY: Final = """new MutationObserver((_, observer) => {
    if (!document.querySelector("main[data-ready=true]")) return
    window.readyAt = performance.now()
    observer.disconnect()
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-ready"] })"""
# The policy of the site forbids `eval`, which waiting for a condition would need: the page itself waits.
READY_AT: Final = """() => new Promise(done => {
    const look = () => window.readyAt ? done(window.readyAt) : requestAnimationFrame(look)
    look()
})"""
# From the click on a link to the next page, drawn; in milliseconds.
GO: Final = """href => new Promise((done, failed) => {
    const link = document.querySelector(`a[href="${href}"]`)
    if (!link) return failed(new Error(`no link to ${href}`))
    const began = performance.now()
    const look = () => {
        const main = document.querySelector("main")
        if (location.pathname === href && main?.dataset.ready === "true" && document.querySelector("h1")) done(performance.now() - began)
        else if (performance.now() - began > 20000) failed(new Error(`${href} does not become ready`))
        else requestAnimationFrame(look)
    }
    link.click()
    requestAnimationFrame(look)
})"""
# Counts the pictures that are drawn: the times between them in milliseconds.
FRAMES_BEGIN: Final = """() => {
    const frames = (window.frames_ = { times: [], stop: false })
    const tick = at => { frames.times.push(at); if (!frames.stop) requestAnimationFrame(tick) }
    requestAnimationFrame(tick)
}"""
FRAMES_END: Final = "() => { window.frames_.stop = true; return window.frames_.times }"


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """The browser."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


def browser_pid() -> int:
    """The process that all others of the browser are children of."""
    for process in tree(os.getpid()):
        try:
            command = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"chromium" in command.partition(b"\0")[0] and b"--type=" not in command:
            return process.pid
    raise RuntimeError("there is no browser")


def browser_cpu_s() -> float:
    """Processor time of the browser so far, all its processes together."""
    return cpu_s(browser_pid())


async def open_page(browser: Browser, url: str, cookies: list[Any]) -> Page:
    """A page with an empty cache."""
    context = await browser.new_context(base_url=url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    await context.add_cookies(cookies)
    await context.add_init_script(WATCH_READY)
    return await context.new_page()


async def ready_ms(page: Page, path: str) -> float:
    """Open an address; milliseconds from the beginning of the navigation until the page has drawn what it shows."""
    await page.goto(path)
    found: float = await page.evaluate(READY_AT)
    return found


class Scripts:
    """Counts the scripts that a page loads."""

    def __init__(self, page: Page) -> None:
        self.found: list[Response] = []
        page.on("response", self._seen)

    def _seen(self, response: Response) -> None:
        if response.request.resource_type == "script":
            self.found.append(response)

    async def sizes_kb(self) -> dict[str, float]:
        """Of each script, compressed by gzip."""
        sizes = {}
        for response in self.found:
            packed = gzip.compress(await response.body(), 9)
            sizes[response.url.rpartition("/")[2]] = len(packed) / 1024
        return sizes


async def heap_mb(page: Page) -> float:
    """Memory of the page's scripts, after everything that can go is gone."""
    protocol = await page.context.new_cdp_session(page)
    await protocol.send("HeapProfiler.enable")
    await protocol.send("HeapProfiler.collectGarbage")
    used = await protocol.send("Runtime.getHeapUsage")
    await protocol.detach()
    return float(used["usedSize"]) / 2**20
