"""The built dashboard as the site keeps it: read once, packed already, with the policy that fits it.

In a checkout it lies in `web/dist`, where `make web` puts it; a wheel carries it beside this module.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from typing import Final

DOCUMENT: Final = "/index.html"
PLAIN: Final = "identity"
CODINGS: Final[Mapping[str, str]] = {"br": ".br", "gzip": ".gz"}  # in the order of preference
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".map": "application/json; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_INLINE_SCRIPT: Final = re.compile(
    rb"<script(?P<attributes>[^>]*)>(?P<text>.*?)</script\s*>", re.DOTALL | re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of the build. `bodies` holds its bytes by content coding, the plain ones among them."""

    media_type: str
    etag: str
    bodies: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A whole build: the document of every page, its policy, and the other files by the path of their address."""

    document: File
    policy: str
    files: Mapping[str, File]


def installed_build() -> Build | None:
    """The build of this installation; None if there is none."""
    inside = files("signalbox.site") / "web"
    if inside.is_dir():
        return read_build(inside)
    return read_build(Path(__file__).resolve().parents[2] / "web" / "dist")


def read_build(folder: Traversable) -> Build | None:
    """The build in a folder; None if no document lies there. Links and hidden files are no part of it."""
    contents = dict(_walk(folder)) if folder.is_dir() else {}
    if DOCUMENT not in contents:
        return None
    packed = {path + suffix for path in contents for suffix in CODINGS.values()}
    found = {path: _file(path, contents) for path in contents if path not in packed}
    document = found.pop(DOCUMENT)
    return Build(document=document, policy=policy_for(contents[DOCUMENT]), files=found)


def policy_for(document: bytes) -> str:
    """The Content-Security-Policy of the pages: everything from here, and of inline scripts only those that stand in the document."""
    scripts = "".join(f" 'sha256-{digest}'" for digest in _script_digests(document))
    return (
        f"default-src 'none'; script-src 'self'{scripts}; style-src 'self'; "
        "style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def _script_digests(document: bytes) -> Iterator[str]:
    for script in _INLINE_SCRIPT.finditer(document):
        if b"src=" not in script["attributes"]:
            yield b64encode(sha256(script["text"]).digest()).decode()


def _walk(folder: Traversable, prefix: str = "/") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.name.startswith(".") or (isinstance(entry, Path) and entry.is_symlink()):
            continue
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry.read_bytes()


def _file(path: str, contents: Mapping[str, bytes]) -> File:
    plain = contents[path]
    packed = {
        coding: contents[path + suffix]
        for coding, suffix in CODINGS.items()
        if path + suffix in contents
    }
    return File(
        media_type=_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
        # Weak: the same for all codings of the file.
        etag=f'W/"{sha256(plain).hexdigest()[:32]}"',
        bodies={**packed, PLAIN: plain},
    )
