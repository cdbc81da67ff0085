"""The one error of the house: what was refused, under which code, with which safe facts."""

from __future__ import annotations

from typing import ClassVar


class AppError(Exception):
    """A refusal that a client may see; each door renders it in its own dialect.

    `facts` are safe to show and to log: field names, limits, counts; never secrets or payloads.
    `retry_after_s` is set when the client should come back later, else None.
    """

    code: ClassVar[str] = "unknown_error"
    status: ClassVar[int] = 500
    message: ClassVar[str] = "The request could not be read or carried out."

    def __init__(self, *, retry_after_s: int | None = None, **facts: object) -> None:
        super().__init__(self.code)
        self.facts = facts
        self.retry_after_s = retry_after_s


class Overloaded(AppError):
    """The server cannot commit now; nothing was stored and the request may be repeated."""

    code, status, message = "unavailable", 503, "The server cannot store this now; try again."


class DatabaseAway(Overloaded):
    """As Overloaded, because the database could not be reached, or did not answer in time."""
