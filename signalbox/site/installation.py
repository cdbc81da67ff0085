"""What a migrated database needs before it serves: the same secrets everywhere, and a first person."""

from __future__ import annotations

from signalbox.accounts import service
from signalbox.accounts.errors import InvalidEmail, SecretsDiffer
from signalbox.accounts.service import FirstRun, ensure_first_run
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.settings import SettingError
from signalbox.site.secrets import fingerprints
from signalbox.site.settings import Settings


async def prepare_installation(settings: Settings) -> FirstRun | None:
    """Check the secrets, then make the first administrator; None if there is one.

    Raises SettingError when this host lacks a secret that the others use, or for an administrator's address that is none.
    """
    assert settings.core.database_url is not None
    db = Database(settings.core.database_url, pool_size=2)
    await db.open()
    try:
        at = SystemClock().now()
        await _same_secrets(db, settings)
        return await ensure_first_run(
            db,
            at=at,
            admin_email=settings.accounts.admin_email,
            admin_username=settings.accounts.admin_username,
            admin_password=settings.accounts.admin_password,
            interval_ms=settings.monitoring.stats_interval_ms,
        )
    except InvalidEmail as refusal:
        raise SettingError("SIGNALBOX_ADMIN_EMAIL", refusal.message) from None
    finally:
        await db.close()


async def check_secrets(settings: Settings) -> None:
    """Raises SettingError when this host lacks a secret that the others use; it names the variable."""
    assert settings.core.database_url is not None
    db = Database(settings.core.database_url, pool_size=1)
    await db.open()
    try:
        await _same_secrets(db, settings)
    finally:
        await db.close()


async def _same_secrets(db: Database, settings: Settings) -> None:
    try:
        await service.check_secrets(db, fingerprints(settings), at=SystemClock().now())
    except SecretsDiffer as refusal:
        complaint = f"{refusal.message} `signalbox secrets --help` tells how to change it."
        raise SettingError(str(refusal.facts["variable"]), complaint) from None
