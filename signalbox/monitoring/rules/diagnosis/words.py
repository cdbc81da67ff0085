"""A diagnosis as one plain sentence. Pure.

People stand in it as `{their id}`: names change and are erased, and a stored sentence must not keep them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from signalbox.monitoring.rules.diagnosis.damage import Damage
from signalbox.monitoring.rules.diagnosis.links import Blame

_PERSON = re.compile(r"\{([0-9a-f-]{36})\}")
_WHY = {
    "high_loss": "up to {worst:.0%} of the packets were lost", "high_rtt": "a round trip took up to {worst:.0f} ms",
    "high_jitter": "packets came up to {worst:.0f} ms unevenly", "low_bitrate": "video fell to {worst:.0f} bit/s",
    "bandwidth_limited": "there was too little bandwidth for the video", "frozen_video": "the picture froze",
    "one_way_media": "nothing arrived in one direction", "slow_setup": "connecting took {worst:.0f} ms",
    "unmade": "no connection was ever made", "broken": "the connection broke and did not come back",
    "interrupted": "the connection was interrupted", "silent_microphone": "the microphone gave no sound",
    "no_frames": "the camera gave no pictures", "black_video": "the picture was black",
    "cpu_limited": "the processor was too slow for the video", "slow_stats": "the page was overloaded",
    "device_vanished": "a camera or microphone vanished", "muted_by_system": "the system muted a camera or microphone",
    "dtls_failed": "no keys could be agreed on", "page_vanished": "the page vanished without a word", "NotAllowedError": "access to camera or microphone was refused",
    "PermissionDeniedError": "access to camera or microphone was refused", "SecurityError": "access to camera or microphone is blocked by policy",
    "NotFoundError": "there is no camera or microphone", "NotReadableError": "a camera or microphone is in use or broken",
    "OverconstrainedError": "no camera or microphone meets the constraints", "AbortError": "a camera or microphone could not be started",
}  # fmt: skip

# The same, when nothing was measured.
_WITHOUT = {
    "high_loss": "many packets were lost", "high_rtt": "a round trip took long", "high_jitter": "packets came unevenly",
    "low_bitrate": "video had too few bits", "slow_setup": "connecting took long",
}  # fmt: skip


def sentence_of(guilty: Blame, behind: Sequence[Damage], *, of: UUID | None) -> str:
    """What most likely was wrong, for participant `of` or (None) for the conference."""
    if guilty.cause == "none" or not behind:
        return "Nothing was wrong that reports can show."
    reasons = list(dict.fromkeys(_reason(item) for item in _worst_of_each(behind)))[:2]
    return f"{_subject(guilty, behind, of)}: {' and '.join(reasons)}.{_next_step(guilty, of)}"


def _worst_of_each(behind: Sequence[Damage]) -> list[Damage]:
    """One item for each kind of damage; they come the worst first."""
    kinds: dict[str, Damage] = {}
    for item in behind:
        kinds.setdefault(item.why, item)
    return list(kinds.values())


def _subject(guilty: Blame, behind: Sequence[Damage], of: UUID | None) -> str:
    if guilty.cause == "relay":
        return "Most likely the relay (TURN server)"
    if guilty.cause == "server":
        return "Most likely the media server"
    if guilty.culprit is not None:
        return f"Most likely the {guilty.cause} of {{{guilty.culprit}}}"
    if guilty.cause == "network":
        other = next((item.other for item in behind if item.other is not None), None)
        ends = f" between {{{of}}} and {{{other}}}" if of and other else ""
        return f"Most likely the network{ends}"
    several = len({item.blame.culprit for item in behind}) > 1
    return f"Most likely the {guilty.cause} of {'several participants' if several else 'one end'}"


def _next_step(guilty: Blame, of: UUID | None) -> str:
    """What tells more, where the call itself does not tell whose network it was; it follows the sentence."""
    if guilty.cause != "network" or guilty.culprit is not None:
        return ""
    whose = "both" if of else "those who took part"
    return f" This call does not show at which end: look at other calls of {whose}."


def with_names(sentence: str, names: Mapping[str, str]) -> str:
    """The sentence with names, by id, in place of ids; somebody who has none is `somebody`."""
    return _PERSON.sub(lambda found: names.get(found.group(1), "somebody"), sentence)


def _reason(item: Damage) -> str:
    if item.worst is None and item.why in _WITHOUT:
        return _WITHOUT[item.why]
    return _WHY.get(item.why, item.why).format(worst=item.worst)
