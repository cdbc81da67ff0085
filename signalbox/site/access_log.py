"""One line for each request, that says what was answered and to whom, and neither keys, bodies nor addresses."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final, TextIO

import msgspec
import structlog
from structlog.typing import EventDict

from signalbox.playback.ingest.parts import Exchange

_encode = msgspec.json.Encoder().encode
_LEVELS: Final = {"info": "INFO", "warning": "WARN", "error": "ERROR"}
# Whoever reads lines must not be told a second one by a path (C0, C1 and the two line ends of Unicode).
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), 0x7F, *range(0x80, 0xA0))} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


class AccessLog:
    """Writes exchanges that are answered to `stream`, standard error when None."""

    def __init__(
        self,
        *,
        as_json: bool | None,
        level: str,
        stream: TextIO | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._now = now
        stream = stream or sys.stderr
        lines = as_json if as_json is not None else not stream.isatty()
        threshold = logging.getLevelNamesMapping()[level.upper()]
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(stream),
            processors=[self._named, _as_json if lines else _as_text],
            wrapper_class=structlog.make_filtering_bound_logger(threshold),
            cache_logger_on_first_use=True,
        )

    def write(self, exchange: Exchange) -> None:
        """Tell of one exchange."""
        duration_ms = (exchange.ended_s or perf_counter()) - exchange.begun_s
        shown_ms = round(duration_ms * 1000)
        msg = f"{exchange.method} {exchange.path} - {exchange.status} ({shown_ms}ms)"
        if exchange.reason:
            msg += f" [{exchange.reason}]"
        told = {
            "method": exchange.method,
            "path": exchange.path,
            "route": exchange.route,
            "status": exchange.status,
            "duration_ms": shown_ms,
            "tenant": exchange.tenant,
            "key_id": exchange.key_id,
            "request_id": exchange.request_id,
            "bytes_in": exchange.bytes_in,
            "result": exchange.result,
            "error_code": exchange.error_code,
            "reason": exchange.reason,
            "session_id": exchange.session_id,
        }
        if exchange.status >= 500:
            self._log.error(msg, **told)
        elif exchange.status >= 400:
            self._log.warning(msg, **told)
        else:
            self._log.info(msg, **told)

    def _named(self, _logger: Any, method: str, event: EventDict) -> EventDict:
        stamp = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"ts": stamp, "level": _LEVELS[method], "msg": event.pop("event"), **event}


def _as_json(_logger: Any, _method: str, event: EventDict) -> str:
    return _encode(event).decode()


def _as_text(_logger: Any, _method: str, event: EventDict) -> str:
    return f"{event['ts']} {event['level']} {event['msg'].translate(_CONTROL)}"
