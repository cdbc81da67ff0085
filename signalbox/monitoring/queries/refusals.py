"""What reading refuses beside the errors of the context.

An unknown id in a filter is the sender's mistake (400); in a path the thing is not there (404). Hence the twins.
"""

from __future__ import annotations

from signalbox.accounts.errors import AppUnknown
from signalbox.core.errors import AppError
from signalbox.monitoring import errors


class SessionUnknown(AppError):
    """A filter names a session that the caller does not have."""

    code, status, message = "session_not_found", 400, "There is no such session."


class SessionMissing(SessionUnknown):
    """The path names a session that the caller does not have."""

    status = 404


class IssueMissing(AppError):
    """The path names an issue that the caller does not have."""

    code, status, message = "issue_not_found", 404, "There is no such issue."


class ConferenceMissing(errors.ConferenceNotFound):
    """The path names a conference that the caller does not have."""

    status = 404


class ParticipantMissing(errors.ParticipantNotFound):
    """The path names a participant that the caller does not have."""

    status = 404


class ConnectionMissing(errors.ConnectionNotFound):
    """The path names a connection that the caller does not have."""

    status = 404


class ErasureMissing(AppError):
    """The path names an erasure that the caller does not have."""

    code, status, message = "erasure_not_found", 404, "There is no such erasure."


class TrackMissing(errors.TrackNotFound):
    """The path names a track that the caller does not have."""

    status = 404


__all__ = [
    "AppUnknown",
    "ConferenceMissing",
    "ConnectionMissing",
    "ErasureMissing",
    "IssueMissing",
    "ParticipantMissing",
    "SessionMissing",
    "SessionUnknown",
    "TrackMissing",
]
