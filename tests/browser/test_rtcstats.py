"""Clients of rtcstats in real pages tell what they see to a running site, over sockets of the browser."""

from __future__ import annotations

import asyncio
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from playwright.async_api import Page, async_playwright

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.browser.keeper import Kept

DATA = Path(__file__).resolve().parents[1] / "data"
PATIENCE_S = 30
# Names of hidden addresses (mDNS) are not looked up here either, so they are not hidden.
MEDIA = (
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)

# What rtcstats-js 2.4.0 said in a recorded call, said by this page's own socket; the recording began when it is said.
REPLAY = """async ([address, lines]) => {
  const socket = new WebSocket(address, 'rtcstats#5.0')
  const closed = new Promise(resolve => socket.addEventListener('close', e => resolve(e.code)))
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject })
  const first = JSON.parse(lines[0])
  first[first.length - 1] = Date.now() - 60000
  socket.send(JSON.stringify(first))
  lines.slice(1).forEach(line => socket.send(line))
  socket.close()
  return [socket.protocol, await closed]
}"""

# A call between two connections of a page, after `rtcstats` of npm has been put in front of them as its readme says.
CALL = """async ([address, trace, rtcstats]) => {
  const load = source => { const module = {}; new Function('module', source)(module); return module.exports }
  const told = load(trace)(address)
  load(rtcstats)(told, 0, [''])
  told('identity', null, {user: 'alice', conference: 'npm rtcstats'})
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: true})
  const one = new RTCPeerConnection({iceServers: []}), other = new RTCPeerConnection()
  one.onicecandidate = e => other.addIceCandidate(e.candidate)
  other.onicecandidate = e => one.addIceCandidate(e.candidate)
  const connected = Promise.all([one, other].map(pc => new Promise(resolve =>
    pc.addEventListener('connectionstatechange', () => pc.connectionState === 'connected' && resolve()))))
  stream.getTracks().forEach(track => one.addTrack(track, stream))
  await one.setLocalDescription(await one.createOffer())
  await other.setRemoteDescription(one.localDescription)
  await other.setLocalDescription(await other.createAnswer())
  await one.setRemoteDescription(other.localDescription)
  await connected  // and reports are asked for, in a way that this browser does not know any more
  one.close(); other.close(); told.close()
}"""


@pytest.fixture
async def blank(kept: Kept) -> AsyncIterator[Page]:
    """A page of the site that has no script of its own, in a browser with a camera and a microphone."""

    async with async_playwright() as playwright:
        flags = [*FLAGS, *MEDIA]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = await browser.new_page(base_url=kept.url)
        await page.goto("/v1/teapot")  # one that a test makes up could not reach this machine
        yield page
        await browser.close()


def socket_of(kept: Kept) -> str:
    return f"{kept.url.replace('http', 'ws', 1)}/rtcstats/{kept.api_key}"


async def ended_call(kept: Kept, api: httpx.AsyncClient, name: str) -> dict[str, Any]:
    """The conference of this name, once it is over."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            given = {"appId": kept.app, "order": "-created_at"}
            found = (await api.get("/v1/conferences", params=given)).json()["data"]
            for call in found:
                if call["conference_id"] == name and call["end_time"] and not call["ongoing"]:
                    return dict(call)
            await asyncio.sleep(0.1)


async def ask(api: httpx.AsyncClient, path: str, **parameters: str) -> Any:
    return (await api.get(f"/v1{path}", params=parameters)).json()["data"]


async def test_what_rtcstats_js_says_in_a_page_is_a_call(
    kept: Kept, api: httpx.AsyncClient, blank: Page
) -> None:
    packed = (DATA / "rtcstats-js-p2p.jsonl.zst").read_bytes()
    rows = map(json.loads, zstandard.ZstdDecompressor().decompress(packed).decode().splitlines())
    lines = [row["data"] for row in rows if row["kind"] == "text"]

    address = f"{socket_of(kept)}/recorded%20call?user=bob"
    assert await blank.evaluate(REPLAY, [address, lines]) == ["rtcstats#5.0", 1005]

    call = await ended_call(kept, api, "recorded call")
    links = await ask(api, "/connections", conferenceId=call["id"])
    assert [one["state"] for one in links] == ["connected", "connected"]
    graphs = (await api.get(f"/v1/conferences/{call['id']}/graphs")).json()
    assert len(graphs["summary"]["data"]) == 80


async def test_the_client_of_npm_tells_a_call(
    kept: Kept, api: httpx.AsyncClient, blank: Page
) -> None:
    with tarfile.open(DATA / "rtcstats-5.2.0.tgz") as package:
        files = [package.extractfile(f"package/{name}.js") for name in ("trace-ws", "rtcstats")]
        sources = [file.read().decode() for file in files if file is not None]

    await blank.evaluate(CALL, [socket_of(kept), *sources])

    call = await ended_call(kept, api, "npm rtcstats")
    [session] = await ask(api, "/sessions", conferenceId=call["id"])
    assert session["end_time"]
    links = await ask(api, "/connections", conferenceId=call["id"])
    assert [one["connection_info"]["negotiations"][0]["status"] for one in links] == [
        "connected"
    ] * 2
    tracks = await ask(api, "/tracks", conferenceId=call["id"])
    assert {(one["kind"], one["direction"]) for one in tracks} == {
        ("audio", "inbound"),
        ("audio", "outbound"),
        ("video", "inbound"),
        ("video", "outbound"),
    }
    [person] = [
        one
        for one in await ask(api, "/participants", conferenceId=call["id"])
        if one["id"] == session["participant"]
    ]
    assert person["participant_id"] == "alice"
