"""What a batch changes, gathered while it is applied, to be told once it is committed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple
from uuid import UUID

from signalbox.monitoring.rules.calls import stamp
from signalbox.monitoring.rules.codes import describe
from signalbox.monitoring.rules.connection import Life
from signalbox.monitoring.rules.detection import Detected
from signalbox.monitoring.rules.happenings import Happening
from signalbox.monitoring.rules.identities import SessionKey
from signalbox.monitoring.rules.issues import Finding
from signalbox.monitoring.store.messages import Initialize, Sample, StartSession

Wanted = Callable[[Sample], bool]
"""Whether anybody watches a sample now."""
_KINDS = (("audio", "inbound"), ("audio", "outbound"), ("video", "inbound"), ("video", "outbound"))


class Owner(NamedTuple):
    """What an issue belongs to."""

    app: UUID
    organization: UUID
    conference: UUID
    participant: UUID | None
    session: UUID | None
    connection: UUID | None = None


def stamp_or_none(at_us: int | None) -> str | None:
    """As `stamp`; None stays None."""
    return None if at_us is None else stamp(at_us)


class News:
    """The happenings of one transaction, in order."""

    __slots__ = ("happenings", "wanted")

    def __init__(self, wanted: Wanted = lambda _: False) -> None:
        self.happenings: list[Happening] = []
        self.wanted = wanted

    def conference_created(self, message: Initialize, found: UUID) -> None:
        """A conference that nobody had entered before."""
        data = {
            "id": found, "app": message.app, "created_at": stamp(message.at_us), "conference_id": message.conference_id,
            "conference_name": message.conference_name, "ongoing": False,
        }  # fmt: skip
        self.happenings.append(
            Happening(message.organization, message.app, found, "conference", "created", data)
        )

    def session_began(self, message: StartSession, key: SessionKey) -> None:
        """A participant has come in."""
        data = {
            "created_at": stamp(message.at_us), "end_time": None, "call_start": None,
            "app_version": message.app_version, "webrtc_sdk": message.webrtc_sdk,
        }  # fmt: skip
        self.session(key, "began", data)

    def session(self, key: SessionKey, change: str, data: dict[str, Any]) -> None:
        """Something about a session."""
        ids = {"id": key.id, "conference": key.conference, "participant": key.participant}
        self._add(key, "session", change, ids | data)

    def connection(
        self, key: SessionKey, connection: UUID, peer: UUID, life: Life, change: str
    ) -> None:
        """A connection is new, or its state has changed."""
        data = {
            "id": connection, "session": key.id, "conference": key.conference, "participant": key.participant, "peer": peer,
            "state": life.state, "state_changed_at": stamp(life.changed_us), "established": life.established,
            "start_time": stamp(life.start_us), "end_time": stamp_or_none(life.end_us), "duration": life.duration_s,
        }  # fmt: skip
        self._add(key, "connection", change, data)

    def conference(self, owner: SessionKey | Owner, change: str, data: dict[str, Any]) -> None:
        """Something about a conference."""
        ids = {"id": owner.conference, "app": owner.app}
        self._add(owner, "conference", change, ids | data)

    def issue(self, owner: Owner, change: str, finding: Finding) -> None:
        """An issue was opened, updated or closed."""
        data = {
            "created_at": stamp(finding.at_us), "data": finding.data, "count": finding.count, "events": finding.events,
        }  # fmt: skip
        self._add(
            owner, "issue", change, _issue(owner, finding.id, finding.type, finding.code) | data
        )

    def detected(self, owner: Owner, change: str, issue: UUID, found: Detected) -> None:
        """What a rule found in a whole conference was opened, updated or closed."""
        data = {
            "created_at": stamp(found.start_us), "updated_at": stamp(found.updated_us), "ended_at": stamp_or_none(found.end_us),
            "track": found.track, "data": found.data, "count": found.count, "events": found.events, "source": "rule",
        }  # fmt: skip
        self._add(
            owner, "issue", change, _issue(owner, issue, found.rule.type, found.rule.code) | data
        )

    def withdrawn(self, owner: Owner, issue: UUID, kind: str, code: str) -> None:
        """Later facts show that there was no such issue."""
        self._add(owner, "issue", "withdrawn", _issue(owner, issue, kind, code))

    def samples(self, samples: Iterable[tuple[Sample, list[UUID | None]]]) -> None:
        """Stored samples with the tracks of their flows, as far as somebody watches."""
        for sample, tracks in samples:
            if self.wanted(sample):
                self._add(sample.session, "sample", "taken", _shown(sample, tracks))

    def _add(self, key: SessionKey | Owner, kind: str, change: str, data: dict[str, Any]) -> None:
        self.happenings.append(
            Happening(key.organization, key.app, key.conference, kind, change, data)
        )


def _issue(owner: Owner, issue: UUID, kind: str, code: str) -> dict[str, Any]:
    title, explanation = describe(code)
    return {
        "id": issue, "session": owner.session, "conference": owner.conference, "participant": owner.participant,
        "connection": owner.connection, "type": kind, "code": code, "title": title, "explanation": explanation,
    }  # fmt: skip


def _shown(sample: Sample, tracks: list[UUID | None]) -> dict[str, Any]:
    """Counters are cumulative, as in the report: figures of an interval are differences of two samples."""
    key = sample.session
    flows = [
        {
            "track": track, "track_id": flow.track, "kind": _KINDS[flow.direction][0], "direction": _KINDS[flow.direction][1],
            "bytes": flow.bytes, "packets": flow.packets, "lost": flow.lost, "jitter_ms": flow.jitter_ms, "emos": flow.emos,
        }
        for flow, track in zip(sample.flows, tracks, strict=True)
    ]  # fmt: skip
    return {
        "connection": sample.connection, "session": key.id, "conference": key.conference, "participant": key.participant,
        "created_at": stamp(sample.at_us), "rtt_ms": sample.rtt_ms, "available_bps": sample.available_bps,
        "local_type": sample.local_type, "flows": flows,
    }  # fmt: skip
