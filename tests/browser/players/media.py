"""A server of this machine that has the players, their page and their stream, and holds one segment back until it is told to let go."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import zstandard
from aiohttp import web

DATA: Final = Path(__file__).resolve().parents[2] / "data" / "players"
PAGE: Final = Path(__file__).with_name("page.html")
HELD_BACK: Final = "seg-0-003.m4s"  # 4 s after the beginning
# Of each player its archive, the script that a page loads, and its version.
PLAYERS: Final = {
    "hls.js": ("hls.js-1.7.4", "package/dist/hls.min.js"),
    "dashjs": ("dashjs-5.2.1", "package/dist/modern/umd/dash.all.min.js"),
    "shaka-player": ("shaka-player-5.2.12", "package/dist/shaka-player.compiled.js"),
}
_TYPES: Final = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".mpd": "application/dash+xml",
    ".mp4": "video/mp4",
    ".m4s": "video/iso.segment",
}


def unpacked(name: str) -> dict[str, bytes]:
    """The files of an archive of tests/data/players."""
    packed = (DATA / f"{name}.tar.zst").read_bytes()
    plain = zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive)
        return {name: file.read() for name, file in files if file is not None}


class Media:
    """What is served, and for which player the segment may be had."""

    def __init__(self) -> None:
        self._stream = unpacked("stream")
        self._released: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def application(self) -> web.Application:
        """The routes."""
        site = web.Application()
        site.router.add_get("/page/{player}", self._page)
        site.router.add_get("/script/{player}", self._script)
        site.router.add_get("/media/{player}/{name}", self._file)
        site.router.add_post("/release/{player}", self._release)
        return site

    async def _page(self, request: web.Request) -> web.Response:
        player = request.match_info["player"]
        script = f'<script src="/script/{player}"></script>\n<video '
        text = PAGE.read_text().replace("<video ", script, 1)
        return web.Response(text=text, content_type="text/html")

    async def _script(self, request: web.Request) -> web.Response:
        archive, path = PLAYERS[request.match_info["player"]]
        return web.Response(body=unpacked(archive)[path], content_type="text/javascript")

    async def _file(self, request: web.Request) -> web.Response:
        player, name = request.match_info["player"], request.match_info["name"]
        if name == HELD_BACK:
            await self._released[player].wait()
        body = self._stream.get(name)
        if body is None:
            raise web.HTTPNotFound
        kind = _TYPES[Path(name).suffix]
        return web.Response(body=body, content_type=kind, headers={"Cache-Control": "no-store"})

    async def _release(self, request: web.Request) -> web.Response:
        self._released[request.match_info["player"]].set()
        return web.Response(status=204)


@asynccontextmanager
async def media_server() -> AsyncIterator[str]:
    """The running server: its address."""
    runner = web.AppRunner(Media().application(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()
