"""The environment of a process of this installation, completed by what the data folder knows."""

from __future__ import annotations

from collections.abc import Mapping

from signalbox.core.settings import CoreSettings, SettingError, load
from signalbox.site.embedded import postgres_url, redis_url
from signalbox.site.secrets import missing_secrets, with_stored_secrets
from signalbox.site.settings import Settings, load_settings


def complete_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Add the stored secrets, and the embedded servers' addresses where none are set.

    Raises SettingError.
    """
    core = load(CoreSettings, environ)
    data = core.data.absolute()
    completed = {**with_stored_secrets(environ, data), "SIGNALBOX_DATA": str(data)}
    if core.database_url is None:
        completed["SIGNALBOX_DATABASE_URL"] = postgres_url(data)
    if core.redis_url is None:
        completed["SIGNALBOX_REDIS_URL"] = redis_url(data)
    return completed


def ready_settings(environ: Mapping[str, str]) -> Settings:
    """Settings of a part that runs on its own. Raises SettingError, also for a missing secret."""
    settings = load_settings(environ)
    for name in missing_secrets(settings):
        raise SettingError(name, "must be set: `signalbox up` makes it, on every host it is equal")
    return settings
