"""A walk through a page with the Tab key alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Page

MOST_STOPS: Final = 400
# A stop is known by its number on the page; its look is kept to be compared with its look without the focus.
_STOP: Final = """async () => {
    // Without motion every change still takes a picture to arrive.
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))
    // A link that spans its row shows the focus on its ::after.
    const styles = element => [null, "::before", "::after"].map(part => getComputedStyle(element, part))
    const looks = element => styles(element).map(style => [
        style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.backgroundColor, style.borderColor, style.textDecorationLine].join("|")).join()
    const walk = (window.tabWalk ??= { stops: new Map(), last: null })
    const left = walk.last && walk.last.element.isConnected
        ? { number: walk.last.number, changed: looks(walk.last.element) !== walk.last.looks }
        : null
    const element = document.activeElement
    if (!element || element === document.body || element === document.documentElement) {
        walk.last = null
        return { left, stop: null }
    }
    const isNew = !walk.stops.has(element)
    if (isNew) walk.stops.set(element, walk.stops.size)
    const number = walk.stops.get(element)
    walk.last = { element, number, looks: looks(element) }
    const box = element.getBoundingClientRect()
    const name = element.getAttribute("aria-label") ?? element.labels?.[0]?.innerText ?? element.innerText ?? element.title ?? ""
    return { left, stop: {
        number, isNew, tag: element.tagName.toLowerCase(), role: element.getAttribute("role"), type: element.getAttribute("type"), name: name.trim().slice(0, 80),
        row: element.closest("[data-row]")?.dataset.row ?? null, href: element.getAttribute("href"),
        seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
        outline: styles(element).some(style => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0),
    }}
}"""
_FORGET: Final = "() => { delete window.tabWalk; document.activeElement?.blur?.() }"


@dataclass(frozen=True, slots=True)
class Stop:
    """One place where the focus rests. `marked`: it looks different with the focus than without it."""

    tag: str
    role: str | None
    type: str | None
    name: str
    row: str | None
    href: str | None
    seen: bool
    marked: bool

    def __str__(self) -> str:
        return f"<{self.tag}{f' role={self.role}' if self.role else ''}> “{self.name}”"


async def walk(page: Page) -> list[Stop]:
    """All stops in order, once round. Fails on a trap: a stop that Tab does not leave, or a round that never ends."""
    await page.evaluate(_FORGET)
    found: list[dict[str, Any]] = []
    for _ in range(MOST_STOPS):
        await page.keyboard.press("Tab")
        step = await page.evaluate(_STOP)
        if step["left"] is not None:
            found[step["left"]["number"]]["changed"] = step["left"]["changed"]
        stop = step["stop"]
        if stop is None:
            break
        if not stop["isNew"]:
            last = found[-1]
            trapped = stop["number"] == last["number"] and len(found) > 1
            assert not trapped, f"Tab does not leave {stop['tag']} “{stop['name']}”"
            assert stop["number"] == 0, (
                f"the focus goes back to “{stop['name']}” and never comes round"
            )
            break
        found.append(stop)
    else:
        raise AssertionError(f"after {MOST_STOPS} stops the walk has not come round")
    return [_stop_of(each) for each in found]


def _stop_of(found: dict[str, Any]) -> Stop:
    return Stop(
        tag=found["tag"],
        role=found["role"],
        type=found["type"],
        name=found["name"],
        row=found["row"],
        href=found["href"],
        seen=found["seen"],
        marked=found["outline"] or found.get("changed", False),
    )


async def nameless(page: Page) -> list[str]:
    """What can take the focus and has no accessible name, as the browser computes it; in the page's order."""
    protocol = await page.context.new_cdp_session(page)
    try:
        tree = await protocol.send("Accessibility.getFullAXTree")
    finally:
        await protocol.detach()
    return [
        f"{_value(node, 'role')} ({node.get('backendDOMNodeId')})"
        for node in tree["nodes"]
        if not node.get("ignored") and _is_focusable(node) and not _value(node, "name").strip()
    ]


def _value(node: dict[str, Any], key: str) -> str:
    return str((node.get(key) or {}).get("value") or "")


def _is_focusable(node: dict[str, Any]) -> bool:
    if _value(node, "role") in ("RootWebArea", "generic", "dialog", "main"):
        return False  # the document itself; what takes the focus only from scripts, such as a page's main part
    return any(
        one["name"] == "focusable" and one["value"].get("value")
        for one in node.get("properties", [])
    )
