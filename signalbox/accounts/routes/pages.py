"""The few pages that stand in for the dashboard where it is not built, and answer its forms. No scripts, nothing from elsewhere, light and dark.

Every value goes through `escape`; the style is one constant whose hash the policy names, so that an injected one
would not apply.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response

from signalbox.accounts.rules import PASSWORD_MIN

HTML: Final = "text/html"  # the answer adds the charset

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8885;--soft:#8882;--accent:#1a6f5c}
@media(prefers-color-scheme:dark){:root{--accent:#5fd0b3}}
body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:10vh auto;padding:0 1rem}
body.narrow{max-width:22rem}
h1{font-size:1.4rem;font-weight:600}
label{display:block;margin:.8rem 0}
input{display:block;width:100%;box-sizing:border-box;font:inherit;padding:.5rem;border:1px solid var(--line);border-radius:.4rem}
[hidden]{display:none}
button{font:inherit;margin-right:.6rem;padding:.5rem 1.2rem;border:0;border-radius:.4rem;background:var(--accent);color:Canvas;cursor:pointer}
a{color:var(--accent)}
pre{padding:1rem;overflow-x:auto;background:var(--soft);border-radius:.4rem}
table{border-collapse:collapse;width:100%}
td code{overflow-wrap:anywhere}
td,th{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
.notice{padding:.6rem .8rem;border-left:3px solid var(--accent);background:var(--soft)}
"""
_STYLE_HASH: Final = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

WRONG: Final = "The name or the password is wrong."
TOO_MANY: Final = "Too many attempts. Please wait a few minutes and try again."
CHOSEN_FOR_YOU: Final = "Your password was chosen for you. Please choose one of your own."
# These pages are seen only without the dashboard, which takes their addresses over.
NOT_BUILT: Final = "The dashboard is not part of this installation. In a checkout, `make web` builds it; then start Signalbox again."
PROBLEMS: Final[Mapping[str, str]] = {
    "differs": "The two passwords differ.",
    "too_short": f"The password needs at least {PASSWORD_MIN} characters.",
    "too_long": "The password is too long.",
}


def login_form(next_path: str, notice: str = "", name: str = "") -> Response[str]:
    """The sign-in form; `notice` says why it is shown again."""
    body = f"""<h1>Sign in to Signalbox</h1>{_notice(notice)}
<form method="post" action="/login"><input type="hidden" name="next" value="{escape(next_path)}">
<label>Name or e-mail<input name="username" value="{escape(name)}" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form>"""
    return page("Sign in", body, narrow=True)


def password_form(next_path: str, notice: str = "") -> Response[str]:
    """The form for a new password, to be given twice, or to be skipped."""
    body = f"""<h1>Choose a password</h1>{_notice(notice)}
<form method="post" action="/change-password"><input type="hidden" name="next" value="{escape(next_path)}">
<input name="username" autocomplete="username" hidden>
<label>New password<input name="password" type="password" minlength="{PASSWORD_MIN}" autocomplete="new-password" required autofocus></label>
<label>Once more<input name="password_again" type="password" autocomplete="new-password" required></label>
<button>Save</button> <a href="{escape(next_path)}">Not now</a></form>"""
    return page("Choose a password", body, narrow=True)


def welcome(api_root: str, apps: Sequence[Mapping[Any, Any]], name: str) -> Response[str]:
    """Who is signed in, the apps with their keys, and the lines to put into a page."""
    rows = "".join(
        f"<tr><td>{escape(app['name'])}</td><td><code>{escape(app['api_key'])}</code></td>"
        f"<td>{'active' if app['recording'] else 'paused'}</td></tr>"
        for app in apps
    )
    key = apps[0]["api_key"] if apps else "the key of your app"
    snippet = f"""import {{ PeerMetrics }} from "@peermetrics/sdk"

const monitor = new PeerMetrics({{
  apiRoot: "{api_root}",
  apiKey: "{key}",
  userId: "alice",
  conferenceId: "standup-42",
}})
await monitor.initialize()

// pc: your RTCPeerConnection
await monitor.addConnection({{ pc, peerId: "bob" }})"""
    table = (
        f"<table><tr><th>App</th><th>API key</th><th></th></tr>{rows}</table>"
        if apps
        else "<p>There is no app yet: <code>signalbox app create NAME</code></p>"
    )
    body = f"""<h1>Signalbox</h1>{_notice(NOT_BUILT)}<p>Signed in as {escape(name)}.
<a href="/change-password">Change password</a></p><form method="post" action="/logout"><button>Sign out</button></form>
<h2>Your apps</h2>{table}<h2>Watch a call</h2><p>Put this into the page that makes the call:</p>
<pre>{escape(snippet)}</pre><p>Everything can be asked over HTTP: <a href="/docs">API reference</a>.</p>"""
    return page("Signalbox", body)


def page(title: str, body: str, *, narrow: bool = False, status: int = 200) -> Response[str]:
    """A whole page around finished HTML."""
    text = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><link rel="icon" href="/favicon.ico"><style>{_STYLE}</style></head>
<body class="{"narrow" if narrow else "wide"}">{body}</body></html>
"""
    return Response(text, status_code=status, media_type=HTML, headers=dict(HEADERS))


def to(path: str, **query: str) -> Response[bytes]:
    """Send the browser on to a path of ours, by GET (303)."""
    target = f"{path}?{urlencode(query)}" if query else path
    headers = {"Location": target, "Cache-Control": "no-store"}
    return Response(b"", status_code=303, media_type=HTML, headers=headers)


def _notice(text: str) -> str:
    return f'<p class="notice" role="alert">{escape(text)}</p>' if text else ""
