"""Administration on the command line: organizations, apps, keys, users, secrets.

They speak to the database directly, so that they work while nothing serves; ingest processes hear of changes at once.
"""

from __future__ import annotations

from signalbox.site.commands.alerts import alerts
from signalbox.site.commands.app import app
from signalbox.site.commands.key import key
from signalbox.site.commands.monitoring import monitoring
from signalbox.site.commands.org import org
from signalbox.site.commands.playback import playback
from signalbox.site.commands.secrets import secrets
from signalbox.site.commands.user import user

GROUPS = (org, app, key, user, secrets, monitoring, playback, alerts)

__all__ = ["GROUPS", "alerts", "app", "key", "monitoring", "org", "playback", "secrets", "user"]
