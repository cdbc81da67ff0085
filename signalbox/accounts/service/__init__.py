"""The verbs of accounts: every one owns its transaction and writes its audit entry in it."""

from __future__ import annotations

from signalbox.accounts.service.access import (
    authenticate,
    everyone,
    member_app,
    note_key_used,
    owned_app,
    still_valid,
)
from signalbox.accounts.service.apps import (
    DEFAULT_INTERVAL_MS,
    GRACE_MAX_S,
    MASKS,
    PLAYBACK_LIMITS,
    RETENTION,
    UNCHANGED,
    create_app,
    delete_app,
    reset_app_key,
    update_app,
)
from signalbox.accounts.service.hosts import agree_on_secrets, agreed_secrets, check_secrets
from signalbox.accounts.service.keys import (
    ROTATION_OVERLAP_MAX_S,
    ROTATION_OVERLAP_S,
    KeyBounds,
    create_key,
    revoke_key,
    rotate_key,
)
from signalbox.accounts.service.logins import (
    Login,
    change_password,
    forget_expired_logins,
    login,
    logout,
)
from signalbox.accounts.service.members import (
    add_member,
    change_role,
    remove_member,
    set_membership,
)
from signalbox.accounts.service.organizations import (
    create_organization,
    delete_organization,
    update_organization,
)
from signalbox.accounts.service.people import (
    create_user,
    delete_user,
    set_password,
    update_account,
)
from signalbox.accounts.service.setup import FirstRun, ensure_first_run

__all__ = [
    "DEFAULT_INTERVAL_MS",
    "GRACE_MAX_S",
    "MASKS",
    "PLAYBACK_LIMITS",
    "RETENTION",
    "ROTATION_OVERLAP_MAX_S",
    "ROTATION_OVERLAP_S",
    "UNCHANGED",
    "FirstRun",
    "KeyBounds",
    "Login",
    "add_member",
    "agree_on_secrets",
    "agreed_secrets",
    "authenticate",
    "change_password",
    "change_role",
    "check_secrets",
    "create_app",
    "create_key",
    "create_organization",
    "create_user",
    "delete_app",
    "delete_organization",
    "delete_user",
    "ensure_first_run",
    "everyone",
    "forget_expired_logins",
    "login",
    "logout",
    "member_app",
    "note_key_used",
    "owned_app",
    "remove_member",
    "reset_app_key",
    "revoke_key",
    "rotate_key",
    "set_membership",
    "set_password",
    "still_valid",
    "update_account",
    "update_app",
    "update_organization",
]
