"""What a migrated database needs before it serves: the same secrets everywhere, and a first person."""

from __future__ import annotations

from signalbox.accounts.service import FirstRun, check_fingerprint, ensure_first_run
from signalbox.core.clock import SystemClock
from signalbox.core.db import Database
from signalbox.core.errors import AppError
from signalbox.core.settings import SettingError
from signalbox.site.secrets import fingerprint
from signalbox.site.settings import Settings


async def prepare_installation(settings: Settings) -> FirstRun | None:
    """Check the secrets, then make the first administrator; None if there is one.

    Raises SettingError when this host has other secrets than the one that set the database up.
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
    finally:
        await db.close()


async def check_secrets(settings: Settings) -> None:
    """Raises SettingError when the database was set up with other secrets."""
    assert settings.core.database_url is not None
    db = Database(settings.core.database_url, pool_size=1)
    await db.open()
    try:
        await _same_secrets(db, settings)
    finally:
        await db.close()


async def _same_secrets(db: Database, settings: Settings) -> None:
    try:
        await check_fingerprint(db, fingerprint(settings), at=SystemClock().now())
    except AppError as refusal:
        raise SettingError("SIGNALBOX_INIT_TOKEN_SECRET", refusal.message) from None
