"""Refusals of playback's doors; clients go by the code."""

from __future__ import annotations

from collections.abc import Sequence

from signalbox.core.errors import AppError


class InvalidSchema(AppError):
    """A report cannot be read; the fact `details` lists the fields and what is wrong with each."""

    code, status, message = "INVALID_SCHEMA", 400, "The report cannot be read."

    def __init__(self, problems: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(details=[{"field": field, "problem": what} for field, what in problems])
        self.problems = problems


class InvalidKey(AppError):
    """No key, or one that is not valid now; which of these is not told."""

    code, status, message = "INVALID_API_KEY", 401, "Invalid API key"


class KeyRevoked(AppError):
    """The key in a page was good once: a player that is told so reports here no more in this session (CTA-5004-B)."""

    code, status, message = "KEY_REVOKED", 410, "The API key has been revoked."


class ScopeMissing(AppError):
    """The key is valid and may not do this."""

    code, status, message = "FORBIDDEN", 403, "The API key may not do this."


class NoSuchSession(AppError):
    """The caller sees no session of that id, or no such app."""

    code, status, message = "NOT_FOUND", 404, "There is no such playback session."


class NoSuchTenant(AppError):
    """There is no active app of that id or name."""

    code, status, message = "NOT_FOUND", 404, "There is no such tenant."


class NoSuchKey(AppError):
    """There is no active key of that id."""

    code, status, message = "NOT_FOUND", 404, "There is no such key."


class NotThere(AppError):
    """The operator has not switched this on."""

    code, status, message = "NOT_FOUND", 404, "There is nothing here."


class TooManyKeys(AppError):
    """Five keys with this label are in force."""

    code, status, message = "TOO_MANY_KEYS", 409, "There are five active keys with this label."


class NoSuchPolicy(AppError):
    """There is no retention policy of that id."""

    code, status, message = "NOT_FOUND", 404, "There is no such retention policy."


class WrongMethod(AppError):
    """The fact `allow` lists the methods that are possible."""

    code, status, message = "METHOD_NOT_ALLOWED", 405, "This method is not possible here."


class TooSlow(AppError):
    """The body did not come in time."""

    code, status, message = "REQUEST_TIMEOUT", 408, "The request body did not come in time."


class TooLarge(AppError):
    """The body is larger than what is taken."""

    code, status, message = "PAYLOAD_TOO_LARGE", 413, "The request body is too large."


class WrongMediaType(AppError):
    """The body is in a form that is not read; a fact names the header."""

    code, status, message = "UNSUPPORTED_MEDIA_TYPE", 415, "The request body must be JSON in UTF-8."


class TooManyRequests(AppError):
    """The key, or the address, has sent too much lately."""

    code, status, message = "RATE_LIMIT_EXCEEDED", 429, "Too many requests; try again later."


class QuotaUsedUp(AppError):
    """The app has reported all it may today, or does not record."""

    code, status, message = "QUOTA_EXCEEDED", 429, "The app may not report any more today."


class Failed(AppError):
    """Something of ours failed; what it was is only logged."""

    code, status, message = "INTERNAL_ERROR", 500, "The server failed; try again."


class StorageAway(AppError):
    """The database cannot be reached; nothing was stored."""

    code, status, message = "DATABASE_ERROR", 503, "The storage cannot be reached; try again."


class Busy(AppError):
    """More waits than may, or the server is stopping; nothing was stored."""

    code, status, message = "OVERLOADED", 503, "The server is busy; try again."
