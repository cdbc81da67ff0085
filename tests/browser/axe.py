"""Accessibility by axe-core, given to the page through the debugging protocol: the page's policy stays as it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page

AXE: Final = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
GRAVE: Final = ("serious", "critical")
_RUN: Final = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(one => ({
    id: one.id, impact: one.impact, help: one.help, nodes: one.nodes.map(node => `${node.target.join(" ")}: ${node.failureSummary}`)})))"""


@cache
def _source() -> str:
    assert AXE.exists(), f"{AXE} is missing: `npm ci` in web/"
    return AXE.read_text()


async def findings(page: Page) -> list[dict[str, Any]]:
    """What axe-core holds against the page as it stands: id, impact, help, nodes; empty if nothing."""
    protocol = await page.context.new_cdp_session(page)
    try:
        # Evaluated by the debugger: no policy of the page forbids it.
        await protocol.send("Runtime.evaluate", {"expression": f"{_source()};0"})
        answer = await protocol.send(
            "Runtime.evaluate", {"expression": _RUN, "awaitPromise": True, "returnByValue": True}
        )
    finally:
        await protocol.detach()
    assert "exceptionDetails" not in answer, answer["exceptionDetails"]
    found: list[dict[str, Any]] = answer["result"]["value"]
    return found


async def axe(page: Page) -> None:
    """Fails when anything serious or critical is found."""
    grave = [one for one in await findings(page) if one["impact"] in GRAVE]
    lines = [
        f"{one['impact']} {one['id']}: {one['help']}\n    " + "\n    ".join(one["nodes"][:5])
        for one in grave
    ]
    assert not grave, f"axe-core on {page.url}:\n  " + "\n  ".join(lines)
