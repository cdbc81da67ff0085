"""What somebody uses, counted from what their browsers have told. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

KINDS: Final[Mapping[str, str]] = {
    "audioinput": "microphones",
    "videoinput": "cameras",
    "audiooutput": "outputs",
}
TOP: Final = 3


def devices_used(told: Iterable[Any], *, most: int = TOP) -> dict[str, list[tuple[str, int]]]:
    """By kind of `KINDS` the labels of devices with the number of sessions that had them, the most frequent first.

    `told` is for each session a list as of `enumerateDevices` (W3C mediacapture-streams, 9.2); anything else counts for nothing, and so
    does a device without a label, which is what a browser tells before it was given leave.
    """
    found: dict[str, Counter[str]] = {name: Counter() for name in KINDS.values()}
    for devices in told:
        for kind, label in set(_labelled(devices)):
            found[KINDS[kind]][label] += 1
    return {name: _first(counts)[:most] for name, counts in found.items()}


def _labelled(devices: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(devices, list):
        return
    for device in devices:
        if isinstance(device, dict):
            kind, label = device.get("kind"), device.get("label")
            if isinstance(kind, str) and kind in KINDS and isinstance(label, str) and label:
                yield kind, label


def with_versions(
    pairs: Iterable[tuple[str, str]],
) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """Names with how often they came, each with its versions likewise, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for name, version in pairs:
        counts.setdefault(name, Counter())[version] += 1
    named = ((name, versions.total(), _first(versions)) for name, versions in counts.items())
    return sorted(named, key=lambda one: (-one[1], one[0]))


def _first(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))
