"""Structured logs: one JSON object a line in production, readable lines on a terminal, always to standard error.

Whatever is logged, here or by a library, passes one filter that drops keys which could carry a secret or an address.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from structlog.typing import EventDict, Processor

_SECRET_WORDS: Final = frozenset(
    {"token", "password", "secret", "sdp", "authorization", "cookie", "address", "ip"}
)
_WORD: Final = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# Least level of libraries that say more than they tell; what the job library and the pool fail at, we log ourselves.
_LEAST: Final = {
    "alembic": logging.WARNING,
    "asyncio": logging.WARNING,
    "procrastinate": logging.CRITICAL,
    "psycopg.pool": logging.ERROR,
}


def configure(*, level: str = "info", as_json: bool | None = None, plain: bool = False) -> None:
    """Set up this process's logs; the last call wins.

    `as_json` None means: JSON unless standard error is a terminal. `plain` lines have no colours.
    """
    lines = as_json if as_json is not None else not sys.stderr.isatty()
    threshold = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        drop_secrets,
    ]
    final = _json_processors() if lines else _console_processors(plain=plain)
    structlog.configure(
        processors=[*shared, *final],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _configure_libraries(shared, final, threshold)


def configure_from(log_format: str, log_level: str, *, production: bool) -> None:
    """`configure` by the settings: "auto" is JSON in production, else it depends on the terminal."""
    as_json = writes_json(log_format, production=production)
    configure(level=log_level, as_json=as_json, plain=log_format == "text")


def writes_json(log_format: str, *, production: bool) -> bool | None:
    """Whether the settings want JSON lines; None: unless standard error is a terminal."""
    chosen: Mapping[str, bool] = {"json": True, "console": False, "text": False}
    return chosen.get(log_format, True if production else None)


def drop_secrets(logger: Any, method: str, event: EventDict) -> EventDict:  # noqa: ARG001  # structlog's signature
    """A processor: leaves out every key, at any depth, that has a word like `token` or `address` in its name."""
    return _clean_mapping(event)


def _clean_mapping(value: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: _clean(inner) for key, inner in value.items() if not _is_secret(str(key))}


def _clean(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _clean_mapping(value)
    if isinstance(value, list | tuple):
        return [_clean(inner) for inner in value]
    return value


def _is_secret(key: str) -> bool:
    return any(word.lower() in _SECRET_WORDS for word in _WORD.findall(key))


def _json_processors() -> list[Processor]:
    return [
        # Without the values of local variables, which may hold anything.
        structlog.processors.ExceptionRenderer(
            structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        ),
        structlog.processors.JSONRenderer(serializer=_json),
    ]


def _console_processors(*, plain: bool) -> list[Processor]:
    return [
        structlog.dev.ConsoleRenderer(colors=False) if plain else structlog.dev.ConsoleRenderer()
    ]


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event, enc_hook=repr).decode()


def _configure_libraries(shared: list[Processor], final: list[Processor], threshold: int) -> None:
    """What libraries log with the standard library comes out in the same shape."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *final],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.INFO))
    for name, least in _LEAST.items():
        logging.getLogger(name).setLevel(least)
