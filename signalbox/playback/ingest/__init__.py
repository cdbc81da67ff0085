"""The doors that players report to: plain ASGI, in front of every framework."""

from __future__ import annotations

from signalbox.playback.ingest.cmcd import CmcdDoors
from signalbox.playback.ingest.door import PlaybackDoors

__all__ = ["CmcdDoors", "PlaybackDoors"]
