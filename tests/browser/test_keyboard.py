"""Every page can be used with the keyboard alone."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.browser.looking import visit
from tests.browser.pages import EXISTING, PageUnderTest
from tests.browser.scene import Scene
from tests.browser.walking import nameless, walk


@pytest.mark.parametrize("which", EXISTING, ids=str)
async def test_the_tab_key_goes_round(open_page: Open, scene: Scene, which: PageUnderTest) -> None:
    """From the skip link through everything and out again; wherever the focus is, it is seen, and what has it has a name."""
    page = await open_page(signed_in=which.signed_in)
    await visit(page, scene, which)
    stops = await walk(page)
    unseen = [str(stop) for stop in stops if not (stop.seen and stop.marked)]
    assert not unseen, f"the focus is not visible on: {unseen}"
    assert not await nameless(page)
    if which.framed:
        assert stops[0].href == "#main", (
            f"the first stop is {stops[0]}, not the link to the content"
        )
