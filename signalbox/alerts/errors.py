"""What alerts refuse."""

from __future__ import annotations

from signalbox.accounts.errors import AppNotFound, AppUnknown
from signalbox.core.errors import AppError
from signalbox.http.errors import InvalidParameters, MissingParameters

__all__ = [
    "AlertNotFound",
    "AppNotFound",
    "AppUnknown",
    "ChannelNotFound",
    "InvalidParameters",
    "MissingParameters",
    "RuleNotFound",
    "SecretsMissing",
    "TooManyRules",
    "WrongRule",
]


class AlertNotFound(AppError):
    """No such alert of the caller's."""

    code, status, message = "alert_not_found", 404, "There is no such alert."


class RuleNotFound(AppError):
    """No such rule of the caller's."""

    code, status, message = "alert_rule_not_found", 404, "There is no such rule of alerts."


class ChannelNotFound(AppError):
    """No such channel of the caller's."""

    code, status, message = "alert_channel_not_found", 404, "There is no such channel."


class WrongRule(AppError):
    """A rule that makes no sense; `field` says where, `problem` why."""

    code, status, message = "invalid_alert_rule", 400, "The rule of alerts makes no sense."


class TooManyRules(AppError):
    """An app has as many rules or channels as it may have."""

    code, status, message = "too_many_alert_rules", 400, "This app can have no more of these."


class SecretsMissing(AppError):
    """The installation has no secret to encrypt with."""

    code, status, message = "encryption_unavailable", 503, "SIGNALBOX_ENCRYPTION_SECRET is not set."
