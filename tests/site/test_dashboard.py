"""The built dashboard at the door: who gets a page, who gets data, and with which headers."""

from __future__ import annotations

import gzip
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from signalbox.core.clock import ManualClock
from signalbox.core.metrics import Metrics
from signalbox.site.app import create_site
from signalbox.site.dashboard import _ONLY_PAGES, _SHARED, DashboardDoor
from signalbox.site.dashboard_files import installed_build, read_build
from signalbox.site.settings import load_settings
from tests.conftest import START as START_AT
from tests.conftest import environment_of

ROOT = Path(__file__).parents[2]
ID = "0b6a4a52-9a7e-4b5e-8a53-4f1f7b4e3a11"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
SCRIPT = "\n  import('/app/immutable/entry/start.Ab1.js');\n"
DOCUMENT = f"""<!doctype html><html lang="en"><head><title>Signalbox</title>
<link rel="stylesheet" href="/app/immutable/assets/0.Cd2.css"></head>
<body><div><script>{SCRIPT}</script></div><script src="/app/immutable/entry/app.js"></script></body></html>
"""
FILES = {
    "index.html": DOCUMENT.encode(),
    "favicon.svg": b"<svg/>",
    "robots.bin": b"\x00",
    ".sources": b"not for others",
    "app/version.json": b'{"version":"1"}',
    "app/immutable/entry/start.Ab1.js": b"export const start = 1;\n" * 100,
    "app/immutable/assets/0.Cd2.css": b"body { margin: 0 }\n",
    "app/immutable/assets/inter.Ef3.woff2": b"wOF2",
}
START = "/app/immutable/entry/start.Ab1.js"

PAGES = [
    "/",
    "/login",
    "/change-password",
    "/welcome",
    "/dashboard",
    "/account",
    f"/organization/{ID}",
    f"/conference/{ID}",
    f"/conference/{ID.upper()}/",
    f"/participant/{ID}",
    f"/apps/{ID}/conferences",
    f"/apps/{ID}/issues",
    f"/apps/{ID}/compare",
    f"/apps/{ID}/live",
    f"/apps/{ID}/alerts",
    f"/apps/{ID}/alerts/{ID}",
    f"/apps/{ID}/alerts/rules",
    f"/apps/{ID}/alerts/rule",
    f"/apps/{ID}/alerts/channels",
    f"/apps/{ID}/playback",
    f"/apps/{ID}/playback/sessions",
    f"/apps/{ID}/playback/session",
    f"/apps/{ID}/settings",
]
SHARED = [f"/apps/{ID}", f"/apps/{ID}/usage"]


def write_build(root: Path) -> Path:
    """A small build with everything that a real one has."""
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    for name in ("index.html", START.lstrip("/")):
        (root / f"{name}.gz").write_bytes(gzip.compress(FILES[name]))
        (root / f"{name}.br").write_bytes(b"brotli of " + name.encode())
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same in a folder of one test."""
    return write_build(tmp_path / "dist")


@pytest.fixture(scope="module")
async def site(
    database_url: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """A client at the door of a site that has the dashboard; one for all tests, for it keeps nothing of them."""
    settings = load_settings(environment_of(database_url, redis_url, tmp_path_factory.mktemp("x")))
    build = read_build(write_build(tmp_path_factory.mktemp("dashboard") / "dist"))
    app = create_site(settings, clock=ManualClock(START_AT), metrics=Metrics(), dashboard=build)
    await app.kernel.open()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        del client.headers["accept-encoding"]
        yield client
    await app.kernel.close()


def is_document(answer: httpx.Response) -> bool:
    return answer.text == DOCUMENT and answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_addresses_of_pages_answer_with_the_document(site: httpx.AsyncClient) -> None:
    for path in PAGES:
        for accept in (BROWSER, "*/*", "text/*", "text/html;q=0.3"):
            answer = await site.get(path, headers={"accept": accept})

            assert answer.status_code == 200, path
            assert is_document(answer)


async def test_what_every_page_asks_first_is_on_its_way_for_who_is_signed_in(
    site: httpx.AsyncClient,
) -> None:
    """And for nobody else: a stranger's page would be refused."""
    known = {"accept": BROWSER, "cookie": "theme=dark; pmsession=abc"}
    for path in (f"/apps/{ID}", f"/conference/{ID}", "/dashboard"):
        signed = await site.get(path, headers=known)
        stranger = await site.get(path, headers={"accept": BROWSER})
        assert "</v1/apps>; rel=preload; as=fetch; crossorigin" in signed.headers["link"]
        assert "cookie" in signed.headers["vary"]
        assert "link" not in stranger.headers
    for path in ("/", "/login", "/change-password"):
        assert "link" not in (await site.get(path, headers=known)).headers


@pytest.mark.parametrize("path", SHARED)
async def test_an_address_of_both_is_a_page_for_browsers_and_data_for_everybody_else(
    site: httpx.AsyncClient, path: str
) -> None:
    page = await site.get(path, headers={"accept": BROWSER})
    assert page.status_code == 200
    assert is_document(page)
    assert "accept" in page.headers["vary"]

    for accept in ("*/*", "application/json", "application/json, text/plain, */*", "image/*"):
        data = await site.get(path, headers={"accept": accept})
        assert data.headers["content-type"].startswith("application/json")
        assert data.status_code == 401
        assert "accept" in re.split(r",\s*", data.headers["vary"])


async def test_who_wants_json_gets_a_json_refusal_at_the_address_of_a_page(
    site: httpx.AsyncClient,
) -> None:
    answer = await site.get(f"/conference/{ID}", headers={"accept": "application/json"})

    assert answer.status_code == 404
    assert answer.json()["error_code"] == "not_found"


@pytest.mark.parametrize(
    "path",
    ["/nowhere", f"/apps/{ID}/nowhere", "/conference/7", f"/conference/{ID}/more", "/apps/x"],
)
async def test_an_unknown_address_shows_a_browser_the_document_and_says_404(
    site: httpx.AsyncClient, path: str
) -> None:
    page = await site.get(path, headers={"accept": BROWSER})
    assert page.status_code == 404
    assert is_document(page)
    assert "script-src" in page.headers["content-security-policy"]

    data = await site.get(path, headers={"accept": "*/*"})
    assert data.status_code == 404
    assert data.headers["content-type"].startswith("application/json")


async def test_below_the_prefixes_of_the_interface_nothing_is_a_page(
    site: httpx.AsyncClient,
) -> None:
    for path in ("/v1/nowhere", "/api/v1/nowhere", "/internal/nowhere"):
        answer = await site.get(path, headers={"accept": BROWSER})

        assert answer.status_code == 404
        assert not is_document(answer)


async def test_the_interface_answers_a_browser_at_its_own_addresses(
    site: httpx.AsyncClient,
) -> None:
    for path in ("/v1/apps", "/conferences", "/openapi.json", "/docs", "/health"):
        answer = await site.get(path, headers={"accept": BROWSER})

        assert answer.status_code in (200, 400, 401), path
        assert not is_document(answer)


async def test_only_reading_is_answered_with_pages(site: httpx.AsyncClient) -> None:
    for path in ("/", f"/conference/{ID}"):
        assert (await site.post(path, headers={"accept": BROWSER})).status_code in (404, 405)
    signed_in = await site.post("/login", data={"username": "nobody", "password": "wrong"})
    assert signed_in.headers["content-type"].startswith("text/html")
    assert "The name or the password is wrong." in signed_in.text


async def test_head_says_what_get_would_and_sends_nothing(site: httpx.AsyncClient) -> None:
    for path in ("/", START, "/app/missing.js", "/nowhere"):
        head = await site.head(path, headers={"accept": BROWSER})
        get = await site.get(path, headers={"accept": BROWSER})

        assert head.status_code == get.status_code
        assert head.headers == get.headers


async def test_head_is_answered_without_a_body_by_the_door_itself(folder: Path) -> None:
    async def rest(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError(scope)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    build = read_build(folder)
    assert build is not None
    for path in ("/", START, "/app/missing.js"):
        scope = {"type": "http", "method": "HEAD", "path": path, "headers": []}
        await DashboardDoor(build, rest)(scope, receive, send)

    assert [message["body"] for message in sent[1::2]] == [b""] * 3


async def test_pages_are_asked_for_again_each_time_and_files_never(
    site: httpx.AsyncClient,
) -> None:
    page = await site.get("/", headers={"accept": BROWSER})
    file = await site.get(START)

    assert page.headers["cache-control"] == "no-cache"
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await site.get("/app/version.json")).headers["cache-control"] == "no-cache"
    assert (await site.get("/favicon.svg")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", START])
async def test_what_the_client_has_already_is_not_sent_again(
    site: httpx.AsyncClient, path: str
) -> None:
    first = await site.get(path)
    tag = first.headers["etag"]
    for sent in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = await site.get(path, headers={"if-none-match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["cache-control"] == first.headers["cache-control"]

    assert (await site.get(path, headers={"if-none-match": '"other"'})).status_code == 200
    missing = await site.get(
        "/nowhere", headers={"accept": BROWSER, "if-none-match": first.headers["etag"]}
    )
    assert missing.status_code == 404


async def test_files_are_sent_packed_as_the_client_likes(site: httpx.AsyncClient) -> None:
    plain = await site.get(START)
    assert plain.content == FILES[START.lstrip("/")]
    assert "content-encoding" not in plain.headers

    packed = await site.get(START, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content)

    best = await site.head(START, headers={"accept-encoding": "gzip, br"})
    assert best.headers["content-encoding"] == "br"
    assert {a.headers["vary"] for a in (plain, packed, best)} == {"accept-encoding"}
    assert plain.headers["etag"] == packed.headers["etag"]


async def test_files_say_what_they_are(site: httpx.AsyncClient) -> None:
    expected = [
        (START, "text/javascript; charset=utf-8"),
        ("/app/immutable/assets/0.Cd2.css", "text/css; charset=utf-8"),
        ("/app/immutable/assets/inter.Ef3.woff2", "font/woff2"),
        ("/app/version.json", "application/json; charset=utf-8"),
        ("/favicon.svg", "image/svg+xml"),
        ("/robots.bin", "application/octet-stream"),
    ]
    for path, media_type in expected:
        answer = await site.get(path, headers={"accept": "*/*"})

        assert answer.headers["content-type"] == media_type
        assert answer.headers["x-content-type-options"] == "nosniff"


NO_FILES = [
    "/app/immutable/entry/missing.js",
    "/app/",
    "/app/immutable",
    f"{START}.br",
    f"{START}.gz",
    "/app/%2e%2e/.sources",
    "/app/..%2f..%2f..%2fpyproject.toml",
    "/app/immutable/..%5c..%5cindex.html",
    "/app/immutable//entry/start.Ab1.js",
    "/app/%00",
    "/app//etc/passwd",
]


async def test_a_file_that_is_not_there_is_missing_and_never_the_document(
    site: httpx.AsyncClient,
) -> None:
    for path in NO_FILES:
        answer = await site.get(httpx.URL("http://signalbox.test", raw_path=path.encode()))

        assert answer.status_code == 404, path
        assert answer.text == "There is no such file.\n"
        assert answer.headers["cache-control"] == "no-store"


async def test_parts_of_the_build_that_have_no_address_are_not_there(
    site: httpx.AsyncClient,
) -> None:
    for path in ("/.sources", "/app/../.sources", "/index.html", "/index.html.gz"):
        answer = await site.get(path)

        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("application/json")


async def test_links_out_of_the_build_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "app" / "leak.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "app" / "away").symlink_to(tmp_path)
    build = read_build(folder)

    assert build is not None
    assert not any("secret" in path or "leak" in path for path in build.files)


async def test_pages_are_guarded(site: httpx.AsyncClient) -> None:
    head = (await site.get("/", headers={"accept": BROWSER})).headers
    policy = dict(part.strip().split(" ", 1) for part in head["content-security-policy"].split(";"))
    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()

    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'sha256-{digest}'",
        "style-src": "'self'",
        "style-src-attr": "'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    assert head["x-content-type-options"] == "nosniff"
    assert head["referrer-policy"] == "same-origin"
    assert head["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in head["permissions-policy"]


async def test_no_address_of_the_interface_is_only_a_page(site: httpx.AsyncClient) -> None:
    """Whoever adds a route with the address of a page must decide who gets what."""
    paths = (await site.get("/openapi.json")).json()["paths"]
    readable = [
        re.sub(r"\{[^}]+\}", ID, path.removeprefix("/v1"))
        for path, item in paths.items()
        if "get" in item
    ]

    assert readable
    assert [path for path in readable if _ONLY_PAGES.fullmatch(path)] == []
    assert all(path in readable for path in SHARED)


def test_every_page_of_the_sources_has_its_address() -> None:
    routes = ROOT / "web" / "src" / "routes"
    pages = [page.parent.relative_to(routes) for page in routes.rglob("+page.svelte")]
    addresses = [
        "/"
        + "/".join(ID if part.startswith("[") else part for part in page.parts if part[0] != "(")
        for page in pages
    ]

    unknown = [a for a in addresses if not (_ONLY_PAGES.fullmatch(a) or _SHARED.fullmatch(a))]
    assert addresses
    assert unknown == []


def test_without_a_document_there_is_no_build(folder: Path, tmp_path: Path) -> None:
    (folder / "index.html").unlink()

    assert read_build(folder) is None
    assert read_build(tmp_path / "nothing") is None


async def test_without_a_build_the_simple_pages_stay(
    environment: dict[str, str], clock: ManualClock
) -> None:
    app = create_site(load_settings(environment), clock=clock, metrics=Metrics())
    await app.kernel.open()
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://signalbox.test") as client:
        login = await client.get("/login", headers={"accept": BROWSER})
        missing = await client.get(f"/conference/{ID}", headers={"accept": BROWSER})
    await app.kernel.close()

    assert '<form method="post" action="/login">' in login.text
    assert missing.status_code == 404


REAL = installed_build()


@pytest.mark.skipif(REAL is None, reason="web/dist is not built: make web")
def test_the_real_build_loads_nothing_that_it_does_not_bring() -> None:
    assert REAL is not None
    document = REAL.document.bodies["identity"].decode()
    wanted = re.findall(r'(?:href|src)="([^"]+)"|import\("([^"]+)"\)', document)

    assert wanted
    for address in (first or second for first, second in wanted):
        assert address in REAL.files
    assert "'sha256-" in REAL.policy
    for path in REAL.files:
        assert REAL.files[path].media_type != "application/octet-stream", path
