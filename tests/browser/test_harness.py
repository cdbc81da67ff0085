"""The tests' own eyes: each thing that no page may do is seen when a page does it."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, Route

from tests.browser.axe import findings
from tests.browser.walking import nameless, walk
from tests.browser.watching import Watch

POLICY = "default-src 'none'; script-src 'self' 'sha256-Nn1pXr3WrPwdHMNWZeKNhA3kKEG6PLlPHHjxEbMUMjM='; connect-src *"


async def show(page: Page, body: str, *, policy: str = "") -> None:
    """A page of the site's own address that the site does not have."""

    async def answer(route: Route) -> None:
        head = "<!doctype html><html lang=en><title>Made up</title><link rel=icon href=data:,>"
        headers = {"Content-Security-Policy": policy} if policy else {}
        await route.fulfill(
            body=f"{head}<main>{body}</main>", content_type="text/html", headers=headers
        )

    await page.route("**/made-up", answer)
    await page.goto("/made-up")


@pytest.mark.parametrize(
    ("body", "policy", "seen"),
    [
        ("<script>console.error('broken')</script>", "", "console error: broken"),
        ("<script>console.warn('old')</script>", "", "console warning: old"),
        ("<script>throw new Error('thrown')</script>", "", "uncaught: thrown"),
        ("<script>Promise.reject(new Error('alone'))</script>", "", "uncaught: alone"),
        ("<img alt='' src='http://other.example/x.png'>", "", "foreign request: http://other.example"),
        ("<script>fetch('/made-up/500').catch(() => {})</script>", "", "500: GET"),
        ("<script>1</script>", POLICY, "policy: script-src-elem forbids inline"),
        ("<p style='color: red'>x</p>", POLICY, "policy: style-src-attr forbids inline"),
    ],
)  # fmt: skip
async def test_what_a_page_does_wrong_is_seen(
    page: Page, watch: Watch, body: str, policy: str, seen: str
) -> None:
    await page.route("**/made-up/500", lambda route: route.fulfill(status=500, body="no"))
    await show(page, body, policy=policy)
    await page.wait_for_load_state("networkidle")
    complaints, watch.complaints[:] = list(watch.complaints), []
    assert any(seen in complaint for complaint in complaints), complaints


async def test_a_page_without_fault_is_not_blamed(page: Page, watch: Watch) -> None:
    await show(page, "<h1>Calm</h1><button>Do it</button>")
    assert not watch.complaints
    assert not await findings(page)
    assert not await nameless(page)


async def test_axe_looks_behind_a_strict_policy(page: Page, watch: Watch) -> None:
    await show(
        page,
        "<h1>x</h1><button></button><img src='data:,'>",
        policy="default-src 'none'; img-src data:",
    )
    found = {one["id"]: one["impact"] for one in await findings(page)}
    assert found["button-name"] == "critical"
    assert found["image-alt"] == "critical"
    assert not watch.complaints


async def test_the_walk_stops_where_the_focus_does(page: Page) -> None:
    await show(
        page,
        "<style>.bare:focus { outline: none }</style>"
        "<button>first</button><a href='/made-up' class='bare'>second</a><p>text</p><input aria-label='third'>",
    )
    stops = await walk(page)
    assert [stop.name for stop in stops] == ["first", "second", "third"]
    assert [stop.marked for stop in stops] == [True, False, True]
    assert all(stop.seen for stop in stops)


async def test_a_trap_is_found(page: Page) -> None:
    trap = "event.key === 'Tab' && event.preventDefault()"
    await show(
        page,
        f"<button>in</button><input aria-label='trap' onkeydown=\"{trap}\"><button>out</button>",
    )
    with pytest.raises(AssertionError, match="does not leave input “trap”"):
        await walk(page)


async def test_what_has_no_name_is_found(page: Page) -> None:
    await show(page, "<button></button><button>named</button>")
    assert [name.partition(" ")[0] for name in await nameless(page)] == ["button"]
