"""The text of a CMCD report: a dictionary of RFC 8941, 3.2, as players really write it.

A well-formed line is taken apart by one regular expression (measured: 5 to 9 µs for a line of 12 to 20 keys); what that does
not fit is read member by member, and tolerantly: version 1 text without quotes, parameters after a bare item, members without
a value between two commas. A value stays text until somebody asks for it: most are never asked for.
"""

from __future__ import annotations

import re
from functools import lru_cache

LIST = "("  # what the text of an inner list begins with
_KEY = r"[A-Za-z*][A-Za-z0-9_\-.*]*"
_MEMBERS = re.compile(
    rf'[ \t]*({_KEY})(?:=(?:"([^"\\]*)"|(\((?:[^()"\\]++|"[^"\\]*+")*+\))|([^",;()\s]*)))?[ \t]*(?:,|$)|(.)',
    re.DOTALL,
)
_NAME = re.compile(_KEY)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_INNER = re.compile(r'\((?:[^()"\\]|"(?:[^"\\]|\\.)*")*\)', re.DOTALL)
_BARE = re.compile(r'[^",;()]+')
_PARAMETERS = re.compile(
    r'(?:[ \t]*;[ \t]*[A-Za-z*][A-Za-z0-9_\-.*]*(?:=(?:"[^"]*"|[^",;()\s]+))?)*'
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ITEM = re.compile(r'(?:"((?:[^"\\]|\\.)*)"|([^\s"();]+))((?:;[^\s;()"]+)*)', re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_BLANK = " \t\r"


def members(line: str) -> dict[str, str] | None:
    """The members of one line in their order, of a repeated key the last; None when it is no dictionary, or an empty one.

    A string comes without its quotes and escapes, an inner list as text with its parentheses, a true boolean as "".
    """
    found = {
        key: quoted or inner or bare
        for key, quoted, inner, bare, _ in _MEMBERS.findall(line.strip(_BLANK))
    }
    return _slowly(line) if "" in found else found or None


def _slowly(line: str) -> dict[str, str] | None:
    found: dict[str, str] = {}
    at, end = 0, len(line)
    while at < end:
        if line[at] in " \t\r,":
            at += 1
            continue
        name = _NAME.match(line, at)
        if name is None:
            return None
        at = name.end()
        value = ""
        if at < end and line[at] == "=":
            value, at = _value(line, at + 1)
        value, at = _with_parameters(value, line, at)
        found[name.group()] = value
        at = _skip(line, at)
        if at < end and line[at] != ",":
            return None
    return found or None


def _skip(line: str, at: int) -> int:
    while at < len(line) and line[at] in _BLANK:
        at += 1
    return at


def _value(line: str, at: int) -> tuple[str, int]:
    """The value that begins at `at`, and where it ends; what cannot be read ends where it begins."""
    if quoted := _QUOTED.match(line, at):
        return _ESCAPED.sub(r"\1", quoted.group(1)), quoted.end()
    if inner := _INNER.match(line, at):
        return inner.group(), inner.end()
    if bare := _BARE.match(line, at):
        return bare.group().strip(), bare.end()
    return "", at


def _with_parameters(value: str, line: str, at: int) -> tuple[str, int]:
    """`br=1800;v` means what `br=(1800;v)` means; a boolean keeps no parameters, a list has its own already."""
    told = _PARAMETERS.match(line, at)
    assert told is not None  # it matches nothing, too
    if told.group() and value and not value.startswith(LIST):
        value = f"({value}{told.group().replace(' ', '')})"
    return value, told.end()


def is_true(value: str | None) -> bool:
    """Whether a boolean, or a list of them, says yes anywhere. None, when the key is absent, is no."""
    if value is None:
        return False
    if value.startswith(LIST):
        return any(item not in ("?0", "0", "false") for item, _ in items(value))
    return value not in ("?0", "0", "false")


@lru_cache(maxsize=4096)
def items(value: str) -> tuple[tuple[str, str], ...]:
    """The items of an inner list with their parameters (";v" or ""); a value that is no list is a list of one."""
    if not value.startswith(LIST):
        return ((value, ""),)
    return tuple(
        (_ESCAPED.sub(r"\1", quoted) if quoted else bare, parameters)
        for quoted, bare, parameters in _ITEM.findall(value[1:-1])
    )


@lru_cache(maxsize=4096)
def number(value: str, kind: str = "v") -> float | None:
    """A number: of a list the item with the parameter `kind` (v: video), else the first one; None when it is none."""
    told = items(value)
    chosen = next((item for item, parameters in told if kind in parameters[1:].split(";")), None)
    text = chosen if chosen is not None else (told[0][0] if told else "")
    return float(text) if _NUMBER.fullmatch(text) else None


def whole(value: str | None) -> int | None:
    """An integer, also one that was written with a fraction; None when absent or no number."""
    if value is None:
        return None
    found = number(value)
    return None if found is None else int(found)


def text(value: str | None) -> str | None:
    """A string or token; of a list the first. None when absent or empty."""
    if not value:
        return None
    told = items(value)
    return (told[0][0] if told else "") or None
