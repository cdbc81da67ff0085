"""Made-up playback sessions, as Media3Watch's SDK reports them: good ones, slow starts, stalls, failures, people who leave."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

DAY_S: Final = 86_400.0
REPORT_EVERY_S: Final = 15.0
EVENT_EVERY_S: Final = 5.0
# Content, kind, how often; the last one is broken on the second day before now.
CONTENTS: Final = (
    ("news/evening", "LIVE", 5),
    ("sport/final", "LIVE", 4),
    ("film/the-signal-box", "VOD", 4),
    ("series/points-1", "VOD", 3),
    ("series/points-2", "VOD", 2),
    ("film/night-train", "VOD", 2),
)
BROKEN: Final = "film/night-train"
# Device, Android's API level, how many times slower than the best.
DEVICES: Final = (
    ("Tab X", 34, 1.0, 5),
    ("Phone 9", 35, 1.0, 5),
    ("TV Box 2", 30, 2.2, 3),
    ("Phone 5", 29, 1.8, 2),
)
CONNECTIONS: Final = (("Wi-Fi", 1.0, 6), ("Cellular", 1.9, 3), ("Ethernet", 0.7, 1))
SDKS: Final = (("0.4.0", 6), ("0.5.1", 4))
EVENING: Final = (1, 1, 1, 1, 1, 1, 2, 3, 3, 2, 2, 3, 4, 3, 3, 3, 4, 5, 7, 9, 10, 8, 5, 2)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """One session before it is played. Times in ms; `startup_ms` None: it never started."""

    session_id: str
    facts: Body
    startup_ms: int | None
    watch_ms: int
    stalls: int
    stall_ms: int
    fails: bool
    bitrate_bps: int

    def report(self, started_s: float, elapsed_ms: int, events: list[Body] | None = None) -> Body:
        """What the player tells when it has run for so long."""
        startup = self.startup_ms if self.startup_ms is not None and elapsed_ms >= self.startup_ms else None  # fmt: skip
        ended = elapsed_ms >= self.duration_ms
        part = min(1.0, elapsed_ms / max(1, self.duration_ms))
        stalls = round(self.stalls * part) if startup is not None else 0
        stalled_ms = self.stall_ms * stalls
        play_ms = 0 if startup is None else max(0, elapsed_ms - startup - stalled_ms)
        both = play_ms + stalled_ms
        start = datetime.fromtimestamp(started_s, UTC).isoformat(timespec="milliseconds")
        body = {
            "sessionId": self.session_id,
            "timestamp": round(started_s * 1000) + elapsed_ms,
            "sessionStartDateIso": start.replace("+00:00", "Z"),
            "sessionDurationMs": max(1, elapsed_ms),
            "startupTimeMs": startup,
            "rebufferTimeMs": stalled_ms,
            "rebufferCount": stalls,
            "playTimeMs": play_ms,
            "rebufferRatio": round(stalled_ms / both, 4) if both else 0.0,
            "totalDroppedFrames": play_ms // 9_000,
            "totalSeekCount": 0,
            "totalSeekTimeMs": 0,
            "meanVideoFormatBitrate": self.bitrate_bps if play_ms else -1,
            "errorCount": int(self.fails and ended),
            **self.facts,
        }
        return body | ({"timelineEvents": events} if events else {})

    @property
    def duration_ms(self) -> int:
        """From the command to play until nothing more comes."""
        return (self.startup_ms or 0) + self.watch_ms + self.stalls * self.stall_ms

    def events(self, started_s: float, since_ms: int, until_ms: int) -> list[Body]:
        """The timeline between two reports."""
        step = round(EVENT_EVERY_S * 1000)
        first = -(-since_ms // step) * step
        return [self.event(started_s, at) for at in range(first, max(until_ms, first + 1), step)]

    def event(self, started_s: float, elapsed_ms: int) -> Body:
        """One entry of the timeline."""
        playing = self.startup_ms is not None and elapsed_ms >= self.startup_ms
        state = "PLAYING" if playing else "BUFFERING"
        if elapsed_ms >= self.duration_ms:
            state = "IDLE" if self.fails else "ENDED"
        return {
            "timestampMs": round(started_s * 1000) + elapsed_ms,
            "elapsedMs": elapsed_ms,
            "playbackState": state,
            "currentBitrate": self.bitrate_bps if playing else None,
            "networkType": self.facts["connectionType"],
            "totalDroppedFrames": 0,
            "bufferedDurationMs": 8_000 if playing else 0,
            "rebufferCount": 0,
            "rebufferTimeMs": 0,
        }


def viewing(dice: random.Random, *, broken: bool = False) -> Viewing:
    """One made-up session; `broken` is on the day on which one film could not be played."""
    [content] = dice.choices(CONTENTS, [weight for *_, weight in CONTENTS])
    [device] = dice.choices(DEVICES, [weight for *_, weight in DEVICES])
    [connection] = dice.choices(CONNECTIONS, [weight for *_, weight in CONNECTIONS])
    [sdk] = dice.choices(SDKS, [weight for *_, weight in SDKS])
    slow = device[2] * connection[1]
    startup_ms: int | None = round(dice.lognormvariate(6.4, 0.5) * slow)
    watch_ms = round(dice.lognormvariate(12.6, 1.0))
    stalls = min(12, round(dice.expovariate(1 / (0.4 * slow))))
    luck = dice.random()
    fails = luck < (0.7 if broken and content[0] == BROKEN else 0.012 * slow)
    if (fails and dice.random() < 0.6) or luck > 0.96:
        startup_ms, stalls = None, 0
        watch_ms = dice.randrange(300, 12_000)
    facts = {
        "deviceModel": device[0],
        "osVersion": device[1],
        "sdkVersion": sdk[0],
        "connectionType": connection[0],
        "contentId": content[0],
        "streamType": content[1],
        "app": {"name": "Signal TV", "version": "3.2.0"},
    }
    return Viewing(
        session_id=str(UUID(int=dice.getrandbits(128), version=4)),
        facts=facts,
        startup_ms=startup_ms,
        watch_ms=min(watch_ms, 3 * 3_600_000),
        stalls=stalls,
        stall_ms=dice.randrange(300, 4_000),
        fails=fails,
        bitrate_bps=round(dice.choice((1.2, 2.5, 4.5, 6.0)) * 1e6 / slow),
    )


def past_plays(dice: random.Random, *, plays: int, days: float, now: float) -> Iterator[Body]:
    """The last reports of so many sessions that ended within the last days, most of them in evenings."""
    for _ in range(plays):
        ended = now - 60 - dice.random() * (days * DAY_S - 60)
        if days >= 2:
            midnight = ended - ended % DAY_S
            [hour] = dice.choices(range(24), EVENING)
            ended = midnight + hour * 3600 + dice.random() * 3600
            ended -= DAY_S if ended > now - 60 else 0
        broken = 1 <= (now - ended) // DAY_S < 2
        one = viewing(dice, broken=broken)
        started = ended - one.duration_ms / 1000
        events = one.events(started, 0, min(one.duration_ms, 600_000))
        events.append(one.event(started, one.duration_ms))
        yield one.report(started, one.duration_ms, events)
