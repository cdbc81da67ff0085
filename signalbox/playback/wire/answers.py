"""What playback answers: refusals in one envelope, and what became of a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from signalbox.core.errors import AppError
from signalbox.playback.errors import InvalidSchema
from signalbox.playback.rules.reports import Report

_encode = msgspec.json.encode

_OF_BODY: Final = {
    "not_json": "The body is not valid JSON",
    "not_utf8": "The body is not UTF-8",
    "not_an_object": "The body is not one JSON object",
    "too_deep": "The body is nested too deeply",
    "too_many_members": "The body has too many members",
    "number_too_long": "The body has a number with too many digits",
    "line_none": "The body has no line",
    "line_bad": "No line can be read as CMCD",
    "line_too_long": "No line is short enough",
    "line_no_sid": "No line has a sid",
    "line_bad_sid": "No line has a sid that can be one",
    "not_packed": "The body is not in its Content-Encoding",
}
_OF_FIELDS: Final = {
    "missing": "Missing required field(s)",
    "negative": "Out-of-range value for field(s)",
    "out_of_range": "Out-of-range value for field(s)",
}
_OTHER: Final = "Invalid value for field(s)"


def problems_text(problems: Sequence[tuple[str, str]]) -> str:
    """One sentence for each kind of problem, with the names of all fields that have it."""
    texts: dict[str, list[str]] = {}
    for field, problem in problems:
        if problem in _OF_BODY:
            return _OF_BODY[problem]
        texts.setdefault(_OF_FIELDS.get(problem, _OTHER), []).append(field)
    told = (f"{text}: {', '.join(dict.fromkeys(fields))}" for text, fields in texts.items())
    return "; ".join(told) or InvalidSchema.message


def refusal(error: AppError, *, request_id: str, at_ms: int) -> bytes:
    """The envelope of a refusal."""
    told: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "timestamp": at_ms,
        "requestId": request_id,
    }
    if isinstance(error, InvalidSchema):
        told["message"] = problems_text(error.problems)
        told["details"] = error.facts["details"]
    return _encode({"error": told})


def acknowledgement(report: Report, result: str, revision: int) -> bytes:
    """What became of a report."""
    told: dict[str, object] = {
        "status": "accepted" if result == "spooled" else "success",
        "sessionId": report.session_id,
        "result": result,
        "revision": revision,
        "warnings": report.warnings,
    }
    if report.timeline_rejected:
        told["timelineRejected"] = report.timeline_rejected
    return _encode(told)
