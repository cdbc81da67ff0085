"""What monitoring refuses, by the codes that clients of the PeerMetrics protocol know."""

from __future__ import annotations

from signalbox.core.errors import AppError


class UnreadableBody(AppError):
    code, status, message = "unknown_error", 400, "The body is not JSON."


class MissingParameters(AppError):
    code, status, message = "missing_parameters", 400, "A required field is missing."


class InvalidParameters(AppError):
    code, status, message = "invalid_parameters", 400, "A field has a value that is not allowed."


class InvalidApiKey(AppError):
    code, status, message = "invalid_api_key", 400, "No app has this API key."


class AppNotRecording(AppError):
    code, status, message = "app_not_recording", 400, "Recording is paused for this app."


class DomainNotAllowed(AppError):
    code, status, message = "domain_not_allowed", 403, "This app does not accept calls from this page."


class QuotaExceeded(AppError):
    code, status, message = "quota_exceeded", 403, "The participant minutes of this month are used up."


class MissingToken(AppError):
    code, status, message = "missing_token", 401, "The request carries no token."


class InvalidToken(AppError):
    code, status, message = "invalid_token", 401, "The token is not valid here."


class ExpiredToken(AppError):
    code, status, message = "expired_token", 401, "The token is too old."


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


class BatchTooLarge(AppError):
    code, status, message = "payload_too_large", 413, "The batch has too many events."


class RateLimited(AppError):
    code, status, message = "rate_limited", 429, "Too many requests; try again later."


class NotFound(AppError):
    code, status, message = "not_found", 404, "There is nothing here."


class MethodNotAllowed(AppError):
    code, status, message = "method_not_allowed", 405, "This method is not possible here."
