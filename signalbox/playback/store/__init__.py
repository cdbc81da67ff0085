"""Every statement of playback that changes rows. `Applier` is what the group-commit writer runs inside its transaction."""

from __future__ import annotations

from signalbox.playback.store.sessions import Applier

__all__ = ["Applier"]
