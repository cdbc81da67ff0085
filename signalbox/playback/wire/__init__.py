"""The shapes of playback on the network."""

from __future__ import annotations

from signalbox.playback.wire.bodies import PROBLEM_OF_BODY, decode_object
from signalbox.playback.wire.sdk import read_report

__all__ = ["PROBLEM_OF_BODY", "decode_object", "read_report"]
