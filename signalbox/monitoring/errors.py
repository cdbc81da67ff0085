"""What monitoring refuses, by the codes that clients of the PeerMetrics protocol know."""

from __future__ import annotations

from signalbox.accounts.errors import ExpiredToken, InvalidToken, MissingToken
from signalbox.core.errors import AppError
from signalbox.http.errors import (
    InvalidParameters,
    MethodNotAllowed,
    MissingParameters,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    UnreadableBody,
)

__all__ = [
    "AppNotRecording",
    "ConferenceNotFound",
    "ConnectionEnded",
    "ConnectionNotFound",
    "DomainNotAllowed",
    "ExpiredToken",
    "InvalidApiKey",
    "InvalidMeta",
    "InvalidParameters",
    "InvalidToken",
    "MethodNotAllowed",
    "MissingParameters",
    "MissingToken",
    "NotFound",
    "ParticipantEqualPeer",
    "ParticipantNotFound",
    "PayloadTooLarge",
    "QuotaExceeded",
    "RateLimited",
    "TooManyStreams",
    "TrackNotFound",
    "UnreadableBody",
    "UnreadableTrace",
]


class InvalidApiKey(AppError):
    code, status, message = "invalid_api_key", 400, "No app has this API key."


class AppNotRecording(AppError):
    code, status, message = "app_not_recording", 400, "Recording is paused for this app."


class DomainNotAllowed(AppError):
    code, status, message = (
        "domain_not_allowed",
        403,
        "This app does not accept calls from this page.",
    )


class QuotaExceeded(AppError):
    code, status, message = (
        "quota_exceeded",
        403,
        "The participant minutes of this month are used up.",
    )


class InvalidMeta(AppError):
    code, status, message = "invalid_meta", 400, "The meta object breaks a rule."


class ConferenceNotFound(AppError):
    code, status, message = "conference_not_found", 400, "There is no such conference."


class ParticipantNotFound(AppError):
    code, status, message = "participant_not_found", 400, "There is no such participant."


class ConnectionNotFound(AppError):
    code, status, message = "connection_not_found", 400, "There is no such connection."


class TrackNotFound(AppError):
    code, status, message = "track_not_found", 400, "There is no such track."


class ParticipantEqualPeer(AppError):
    code, status, message = "participant_equal_peer", 400, "A participant cannot be its own peer."


class ConnectionEnded(AppError):
    code, status, message = "connection_ended", 400, "The connection has ended."


class TooManyStreams(AppError):
    code, status, message = "too_many_streams", 503, "Too many live streams are open here."


class UnreadableTrace(AppError):
    """A file is no trace that we know; facts tell the line, counted from 1, and the reason."""

    code, status, message = "invalid_trace", 400, "The trace cannot be read."
