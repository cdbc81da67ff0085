"""Calls of real browsers, recorded and shipped with the package."""

from __future__ import annotations

import json
import random
from functools import cache
from importlib.resources import files
from typing import Any, Final

import zstandard

from signalbox.site.demo.people import conference_name, person
from signalbox.site.demo.steps import Call, Step

KINDS: Final = {
    "endcall": "good",
    "relay": "relayed",
    "gum-denied": "permission denied",
    "ice-fail": "failed",
    "janus": "SFU",
}
_LEARNED: Final = ("token", "peer_id", "connection_id")


@cache
def _rows(name: str) -> list[dict[str, Any]]:
    packed = files(__package__).joinpath(f"recorded-{name}.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().decompress(packed).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["method"] != "OPTIONS"]


def recorded_call(name: str, dice: random.Random, api_key: str, tag: str) -> Call:
    """A recorded call under other names, so that it can be played often."""
    rows = _rows(name)
    users: dict[str, tuple[str, str]] = {}
    title = conference_name(dice)
    steps = []
    for row in rows:
        body = json.loads(row["body"])
        at_ms = row["t"] - rows[0]["t"] - (body.pop("delta", None) or 0)
        if row["path"].endswith("/initialize"):
            users.setdefault(body["userId"], person(dice))
            user_id, user_name = users[body["userId"]]
            body |= {
                "apiKey": api_key,
                "conferenceId": tag,
                "conferenceName": title,
                "userId": user_id,
                "userName": user_name,
            }
        text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
        steps.append(
            Step(
                max(at_ms, 0) / 1000,
                row["method"],
                row["path"].removeprefix("/v1"),
                text,
                _learns(row["response"]["body"]),
            )
        )
    return Call(KINDS[name], steps)


def _learns(answer: str | None) -> dict[str, str]:
    try:
        found = json.loads(answer or "null")
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: found[name] for name in _LEARNED if isinstance(found.get(name), str)}
