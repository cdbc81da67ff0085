"""One line for each request, that says what was answered and to whom, and neither keys, bodies nor addresses."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Final, TextIO

import msgspec

from signalbox.playback.ingest.parts import Exchange

_encode = msgspec.json.Encoder().encode
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
        self._stream = stream or sys.stderr
        lines = as_json if as_json is not None else not self._stream.isatty()
        self._line = _as_json if lines else _as_text
        self._threshold = logging.getLevelNamesMapping()[level.upper()]

    def write(self, exchange: Exchange) -> None:
        """Tell of one exchange. Built here and not by the logger of the house, which costs three times as much for a line (measured)."""
        level, name = _level(exchange.status)
        if level < self._threshold:
            return
        duration_ms = (exchange.ended_s or perf_counter()) - exchange.begun_s
        shown_ms = round(duration_ms * 1000)
        msg = f"{exchange.method} {exchange.path} - {exchange.status} ({shown_ms}ms)"
        if exchange.reason:
            msg += f" [{exchange.reason}]"
        stamp = self._now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        told = {
            "ts": stamp,
            "level": name,
            "msg": msg,
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
        self._stream.write(self._line(told) + "\n")
        self._stream.flush()


def _level(status: int) -> tuple[int, str]:
    """How loud an answer is told."""
    if status >= 500:
        return logging.ERROR, "ERROR"
    return (logging.WARNING, "WARN") if status >= 400 else (logging.INFO, "INFO")


def _as_json(told: dict[str, Any]) -> str:
    return _encode(told).decode()


def _as_text(told: dict[str, Any]) -> str:
    return f"{told['ts']} {told['level']} {told['msg'].translate(_CONTROL)}"
