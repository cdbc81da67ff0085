"""What accounts refuse, one class per case.

A code always has the same text. `*Unknown` is the twin of a `*NotFound`: the id stood in a body or a filter
instead of the path, which is the sender's mistake (400) and not a missing page (404).
"""

from __future__ import annotations

from signalbox.core.errors import AppError
from signalbox.http.errors import InvalidParameters, MissingParameters, RateLimited

__all__ = [
    "AlreadyMember",
    "AppNotFound",
    "AppUnknown",
    "EmailTaken",
    "ExpiredToken",
    "Forbidden",
    "ForeignOrigin",
    "InsufficientScope",
    "InvalidCredentials",
    "InvalidEmail",
    "InvalidParameters",
    "InvalidToken",
    "KeyNotFound",
    "LastOwner",
    "MaxOrganizationsReached",
    "MissingParameters",
    "MissingToken",
    "OrganizationNotFound",
    "OrganizationUnknown",
    "RateLimited",
    "SecretsDiffer",
    "UnknownScope",
    "UserNotFound",
    "WeakPassword",
]


class MissingToken(AppError):
    """No cookie, no bearer key, no token in the body."""

    code, status, message = "missing_token", 401, "The request carries no token."


class InvalidToken(AppError):
    """The token, key or cookie is unknown, broken, revoked or of another kind."""

    code, status, message = "invalid_token", 401, "The token is not valid here."


class ExpiredToken(AppError):
    """The token, key or login is genuine and too old."""

    code, status, message = "expired_token", 401, "The token is too old."


class InvalidCredentials(AppError):
    """Name and password do not belong together; which of them is wrong is not told."""

    code, status, message = "invalid_credentials", 401, "The name or the password is wrong."


class InsufficientScope(AppError):
    """The key lacks the scope named in `required_scope`."""

    code, status, message = "insufficient_scope", 403, "The key lacks the scope for this."


class Forbidden(AppError):
    """The caller may see the thing and may not do this to it."""

    code, status, message = "forbidden", 403, "You may not do this."


class ForeignOrigin(AppError):
    """A page of another origin tried to act with the login of this browser."""

    code, status, message = "foreign_origin", 403, "This request came from another site."


class OrganizationNotFound(AppError):
    """The caller has no active organization with the id in the path."""

    code, status, message = "organization_not_found", 404, "There is no such organization."


class OrganizationUnknown(OrganizationNotFound):
    """The caller has no active organization with the id in the body."""

    status = 400


class AppNotFound(AppError):
    """The caller has no active app with the id in the path."""

    code, status, message = "app_not_found", 404, "There is no such app."


class AppUnknown(AppNotFound):
    """The caller has no active app with the id in the body or filter."""

    status = 400


class UserNotFound(AppError):
    """There is no active user of that id or name."""

    code, status, message = "user_not_found", 404, "There is no such user."


class KeyNotFound(AppError):
    """The caller has no active key with that id."""

    code, status, message = "key_not_found", 404, "There is no such key."


class MaxOrganizationsReached(AppError):
    """The configured number of organizations exists."""

    code, status, message = "max_organizations_reached", 400, "No further organization is allowed."


class AlreadyMember(AppError):
    """The user belongs to the organization already."""

    code, status, message = "already_member", 409, "This user is a member already."


class LastOwner(AppError):
    """The only owner of an organization would be one no more."""

    code, status, message = "last_owner", 409, "An organization needs an owner."


class InvalidEmail(AppError):
    """Not an e-mail address."""

    code, status, message = "invalid_email", 400, "This is not an e-mail address."


class EmailTaken(AppError):
    """Another user has the address or name."""

    code, status, message = "email_taken", 409, "Another user has this e-mail address or name."


class WeakPassword(AppError):
    """Too short, too long, or the repetition differs; `problem` says which."""

    code, status, message = "weak_password", 400, "The password is not acceptable."


class UnknownScope(AppError):
    """A scope that no key can have; `scope` names it."""

    code, status, message = "unknown_scope", 400, "There is no such scope."


class TooManyKeys(AppError):
    """As many keys of this name as there may be are in force."""

    code, status, message = "too_many_keys", 409, "There are too many active keys with this name."


class SecretsDiffer(AppError):
    """This process has other secrets than its database's other hosts; `variable` names the one."""

    code, status, message = (
        "secrets_differ",
        500,
        "This host lacks the secret that the other hosts of this database use.",
    )
