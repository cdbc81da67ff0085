"""The hot doors of monitoring: plain ASGI, in front of every framework."""

from __future__ import annotations

from signalbox.monitoring.ingest.door import IngestDoors

__all__ = ["IngestDoors"]
