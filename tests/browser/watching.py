"""What no page may do: write to the console, throw, ask a foreign host, get a 5xx, break its own policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, Response

# Runs before any script of the page; the browser tells the document what its policy forbade.
_REPORT_VIOLATIONS: Final = """document.addEventListener("securitypolicyviolation", event =>
    window.tellViolation(`${event.effectiveDirective} forbids ${event.blockedURI} (${event.sourceFile}:${event.lineNumber})`))"""
_OWN_SCHEMES: Final = ("data", "blob", "about")


@dataclass  # without slots: Playwright keeps its wrappers of our methods on the object
class Watch:
    """Everything that went wrong on the pages of one browser context."""

    url: str
    complaints: list[str] = field(default_factory=list)
    _excused: list[re.Pattern[str]] = field(default_factory=list)

    async def follow(self, context: BrowserContext) -> None:
        """Look at all pages of the context, also those that it opens later."""
        await context.expose_binding("tellViolation", self._violation)
        await context.add_init_script(_REPORT_VIOLATIONS)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.note(f"uncaught: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("requestfailed", self._failed)

    def note(self, complaint: str) -> None:
        """Remember, unless it is excused."""
        if not any(pattern.search(complaint) for pattern in self._excused):
            self.complaints.append(complaint)

    @contextmanager
    def excusing(self, *patterns: str) -> Iterator[None]:
        """What matches is expected from here on, such as the browser's own line about a refused login.

        The line may come late, so it stays excused; the block shows what it is for.
        """
        self._excused += [re.compile(pattern) for pattern in patterns]
        yield

    def _violation(self, _source: dict[str, Any], text: str) -> None:
        self.note(f"policy: {text}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.note(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        own = parts.scheme in _OWN_SCHEMES or request.url.startswith(f"{self.url}/")
        if not own:
            self.note(f"foreign request: {request.url[:200]}")

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self.note(f"{response.status}: {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left takes its requests back: that is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.note(f"{request.failure}: {request.url[:200]}")


async def ready(page: Page) -> None:
    """Wait until the page has drawn what it shows."""
    await page.locator("main[data-ready=true]").wait_for()
