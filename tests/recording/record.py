"""Records calls of real Chromium pages for the labelled set.

    python -m tests.recording.record --stats-library webrtc-stats/dist/browser.js [NAME …]

Needs what the test suite does not: Chromium, coturn (`turnserver`), Playwright and the browser build of the npm package
`@peermetrics/webrtc-stats`. Every request that the pages send to the API is written to `tests/data/labelled/NAME.jsonl.zst`, in the format of
the other recordings, and its label to `labels.json`. Addresses of this machine are replaced, credentials never leave the pages.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import socket
import tempfile
import time
import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import zstandard
from aiohttp import WSMsgType, web
from playwright.async_api import Browser, Page, Playwright, async_playwright

from tests.recording.relay import Relay, Trouble
from tests.recording.scenarios import HELD_OUT, NOTHING_PASSES, SCENARIOS, Scenario

HERE = Path(__file__).resolve().parent
LABELLED = HERE.parent / "data" / "labelled"
KEPT_HEADERS = ("Accept", "Content-Type", "Origin", "User-Agent")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
)  # fmt: skip
FAKE_UI, FAKE_DEVICE = "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"
MEDIA = {"audio": True, "video": {"width": 320, "height": 240, "frameRate": 15}}
ADDRESS = re.compile(
    r"(?<![\d.])(?!0\.0\.0\.0|127\.0\.0\.1)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])(?! Safari)"
)


class Recorder:
    """The API that the pages talk to: answers like a server, remembers everything; and it carries their signals."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._began = 0.0
        self._peers: dict[str, str] = {}
        self.rows: list[dict[str, Any]] = []

    def begin(self) -> None:
        """Forget the last call."""
        self.rows, self._sockets, self._peers = [], {}, {}
        self._began = 0.0

    def routes(self) -> list[web.RouteDef]:
        """What it serves."""
        return [
            web.get("/{file:page.html|page.js|webrtc-stats.js}", self._file),
            web.get("/signals/{conference}/{name}", self._signals),
            web.route("*", "/v1/{rest:.*}", self._api),
        ]

    async def _file(self, request: web.Request) -> web.FileResponse:
        name = request.match_info["file"]
        return web.FileResponse(self._library if name == "webrtc-stats.js" else HERE / name)

    async def _signals(self, request: web.Request) -> web.WebSocketResponse:
        mine = web.WebSocketResponse()
        await mine.prepare(request)
        self._sockets[request.match_info["name"]] = mine
        async for message in mine:
            if message.type is WSMsgType.TEXT:
                other = self._sockets.get(json.loads(message.data)["to"])
                if other is not None and not other.closed:
                    await other.send_str(message.data)
        return mine

    async def _api(self, request: web.Request) -> web.Response:
        body = await request.text()
        now = time.monotonic()
        self._began = self._began or now
        answer = self._answer(request.path, json.loads(body))
        self.rows.append({
            "t": round((now - self._began) * 1000, 1), "method": request.method, "path": request.path_qs,
            "headers": {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers},
            "bytes": len(body.encode()), "body": body, "response": {"status": 200, "body": answer},
        })  # fmt: skip
        return web.Response(text=answer, content_type="application/json")

    def _answer(self, path: str, body: dict[str, Any]) -> str:
        if path.endswith("/initialize"):
            found: Any = {"token": f"init.{uuid4().hex}", "getStatsInterval": 2000, "batchConnectionEvents": False}  # fmt: skip
        elif path.endswith("/sessions"):
            found = {"token": f"session.{uuid4().hex}"}
        elif body.get("eventName") == "addConnection":
            peer = self._peers.setdefault(body["peerId"], str(uuid4()))
            found = {"peer_id": peer, "connection_id": str(uuid4())}
        else:
            found = ""
        return json.dumps(found)

    def packed(self) -> bytes:
        """The recording, addresses replaced, compressed."""
        lines = "\n".join(json.dumps(row, separators=(",", ":")) for row in self.rows)
        return zstandard.ZstdCompressor(level=19).compress(ADDRESS.sub("127.0.0.1", lines).encode())


@contextlib.asynccontextmanager
async def turn_server() -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """A coturn on the loopback; its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        "turnserver", "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}", "--lt-cred-mech",
        "--user=recording:recording", "--realm=recording", "--no-cli", "--no-tls", "--no-dtls", "--allow-loopback-peers",
        "--min-port=50000", "--max-port=50999", "--log-file=/dev/null", f"--pidfile={tempfile.mkdtemp()}/pid",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await asyncio.sleep(1)
    try:
        yield port, process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def browser_flags(kind: str | None, folder: Path) -> list[str]:
    """How the browser of a participant is started: with working devices, or with `missing`, `silent` or `denied` ones."""
    if kind == "missing":
        return [*FLAGS, FAKE_UI]
    if kind == "denied":
        return [*FLAGS, FAKE_DEVICE, "--deny-permission-prompts"]
    if kind == "silent":
        silence = folder / "silence.wav"
        with wave.open(str(silence), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48_000)
            file.writeframes(bytes(2 * 48_000 * 60))
        return [*FLAGS, FAKE_UI, FAKE_DEVICE, f"--use-file-for-fake-audio-capture={silence}"]
    return [*FLAGS, FAKE_UI, FAKE_DEVICE]


class Stage:
    """One call on its way."""

    def __init__(self, scenario: Scenario, root: str, playwright: Playwright) -> None:
        self.scenario, self.root, self.playwright = scenario, root, playwright
        self.pages: dict[str, Page] = {}
        self.relays: dict[str, Relay] = {}
        self.turn: asyncio.subprocess.Process | None = None
        self._browsers: list[Browser] = []
        self._networks: dict[str, Any] = {}
        self._folder = Path(tempfile.mkdtemp())

    @property
    def everyone(self) -> tuple[str, ...]:
        """Names of all pages."""
        return (*self.scenario.people, "sfu") if self.scenario.sfu else self.scenario.people

    async def set_up(self, turn_port: int) -> None:
        """Browsers, relays, pages; everybody is in the conference and has asked for media."""
        shared = await self._launch(None)
        for number, name in enumerate(self.everyone):
            kind = self.scenario.flags.get(name)
            browser = shared if kind is None else await self._launch(kind)
            relay = await Relay.open(("127.0.0.1", turn_port), seed=number)
            relay.set(up=self.scenario.up.get(name), down=self.scenario.down.get(name))
            self.relays[name] = relay
            page = await (await browser.new_context()).new_page()
            self.pages[name] = page
            given = json.dumps(self._given(name, relay.port))
            await page.goto(f"{self.root}/page.html#{given}")
            await self._slow_http(name, page)
        for name, page in self.pages.items():
            await page.evaluate("call.enter()")
            wanted = self.scenario.media.get(name, MEDIA)
            refused = await page.evaluate("wanted => call.capture(wanted)", wanted)
            print(f"  {name}: {refused or 'has media'}")

    async def _launch(self, kind: str | None) -> Browser:
        browser = await self.playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=browser_flags(kind, self._folder),
            ignore_default_args=["--headless", "--mute-audio"],
        )
        self._browsers.append(browser)
        return browser

    def _given(self, name: str, relay_port: int) -> dict[str, Any]:
        given: dict[str, Any] = {
            "name": name, "conference": self.scenario.name, "key": "0" * 32, "silent": name == "sfu", "ice": [], "policy": "all",
        }  # fmt: skip
        if self.scenario.relay:
            url = f"turn:127.0.0.1:{relay_port}?transport=udp"
            credentials = {"username": "recording", "credential": self.scenario.password}
            given |= {"ice": [{"urls": [url], **credentials}], "policy": "relay"}
        return given | self.scenario.page.get(name, {})

    async def _slow_http(self, name: str, page: Page, *, offline: bool = False) -> None:
        latency = self.scenario.http_delay_ms.get(name, 0.0)
        if latency or offline or name in self.scenario.http_delay_ms:
            # One session for the whole call: what an earlier one set stays in force beside a later one.
            if name not in self._networks:
                self._networks[name] = await page.context.new_cdp_session(page)
                await self._networks[name].send("Network.enable")
            cdp = self._networks[name]
            conditions = {"offline": offline, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}  # fmt: skip
            await cdp.send("Network.emulateNetworkConditions", conditions)

    async def connect(self) -> None:
        """Everybody calls the server, or the later ones the earlier ones."""
        people = self.scenario.people
        pairs = [(name, "sfu") for name in people]
        if not self.scenario.sfu:
            pairs = [(a, b) for number, a in enumerate(people) for b in people[number + 1 :]]
        for caller, callee in pairs:
            await self.pages[caller].evaluate("peer => call.offer(peer)", callee)
        for _ in range(40 if self.scenario.connects else 0):
            states = [await self.pages[name].evaluate("call.states()") for name in people]
            if all(found and set(found) == {"connected"} for found in states):
                return
            await asyncio.sleep(0.5)
        print("  not everybody is connected", [self.scenario.connects])

    async def act(self, what: str, arguments: Sequence[Any]) -> None:
        """One thing that happens during the call."""
        if what == "stop_relay":
            assert self.turn is not None
            self.turn.kill()
            return
        name = arguments[0]
        if what in ("lose", "find"):
            passes = None if what == "lose" else self.scenario.up.get(name)
            trouble = NOTHING_PASSES if what == "lose" else passes
            self.relays[name].set(up=trouble, down=trouble) if trouble else self._clear(name)
            self.scenario.http_delay_ms.setdefault(name, 0.0)
            await self._slow_http(name, self.pages[name], offline=what == "lose")
        elif what == "crash":
            cdp = await self.pages[name].context.new_cdp_session(self.pages[name])
            with contextlib.suppress(Exception):  # a page that crashes does not answer
                await asyncio.wait_for(cdp.send("Page.crash"), 2)
            del self.pages[name]
        else:
            await self.pages[name].evaluate(f"given => call.{what}(...given)", list(arguments[1:]))

    def _clear(self, name: str) -> None:
        self.relays[name].set(up=Trouble(), down=Trouble())

    async def play(self) -> None:
        """From the connected call to the last leave."""
        began = time.monotonic()
        for at_s, what, arguments in self.scenario.actions:
            await asyncio.sleep(max(0.0, began + at_s - time.monotonic()))
            await self.act(what, arguments)
        await asyncio.sleep(max(0.0, began + self.scenario.seconds - time.monotonic()))
        for name, page in self.pages.items():
            if name != "sfu":
                with contextlib.suppress(Exception):  # it may be busy or gone
                    await asyncio.wait_for(page.evaluate("call.leave()"), 10)
        await asyncio.sleep(0.5)

    async def close(self) -> None:
        """Everything that was started."""
        for browser in self._browsers:
            with contextlib.suppress(Exception):
                await browser.close()
        for relay in self.relays.values():
            relay.close()


async def record(scenario: Scenario, recorder: Recorder, root: str, playwright: Playwright) -> None:
    """Play one scenario and write it down."""
    recorder.begin()
    stage = Stage(scenario, root, playwright)
    async with turn_server() as (port, process):
        stage.turn = process
        try:
            await stage.set_up(port)
            await stage.connect()
            await stage.play()
        finally:
            await stage.close()
    LABELLED.mkdir(exist_ok=True)
    (LABELLED / f"{scenario.name}.jsonl.zst").write_bytes(recorder.packed())
    labels = LABELLED / "labels.json"
    known = json.loads(labels.read_text()) if labels.exists() else {}
    known[scenario.name] = {"cause": scenario.label[0], "whose": scenario.label[1], "source": "chromium", "held_out": scenario in HELD_OUT}  # fmt: skip
    ordered = dict(sorted(known.items()))
    labels.write_text(json.dumps(ordered, indent=1) + "\n")


async def _main(names: Sequence[str], library: Path) -> None:
    recorder = Recorder(library)
    app = web.Application(client_max_size=1 << 24)
    app.add_routes(recorder.routes())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    root = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with async_playwright() as playwright:
        for scenario in (*SCENARIOS, *HELD_OUT):
            if not names or scenario.name in names:
                print(scenario.name, flush=True)
                try:
                    await asyncio.wait_for(record(scenario, recorder, root, playwright), 180)
                    print(f"  {len(recorder.rows)} requests", flush=True)
                except Exception as error:  # noqa: BLE001 - the next call is another matter
                    print(f"  failed: {error!r}", flush=True)
    await runner.cleanup()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stats-library", type=Path, required=True)
    parser.add_argument("names", nargs="*")
    chosen = parser.parse_args()
    asyncio.run(_main(chosen.names, chosen.stats_library))


if __name__ == "__main__":
    main()
