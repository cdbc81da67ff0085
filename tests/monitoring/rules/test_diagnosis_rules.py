"""Whom the rules blame, what a participant loses, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from signalbox.monitoring.rules.detection import (
    Limits,
    ObservedConference,
    ObservedConnection,
    detect,
)
from signalbox.monitoring.rules.diagnosis import Diagnosis, diagnose, with_names
from tests.monitoring.observing import (
    conference,
    connection,
    flow,
    happening,
    intervals,
    stay,
    uid,
    us,
)

TIMES = tuple(range(0, 60, 2))
STATE, ICE = "onconnectionstatechange", "oniceconnectionstatechange"
LOST: dict[str, Any] = {"lost": 20, "expected": 100, "packets": 80}
WELL: dict[str, Any] = {"lost": 0, "expected": 100, "packets": 100}


def link(name: str, *, received: dict[str, Any] = WELL, sent: dict[str, Any] = WELL, relay: bool = False, **changes: Any) -> ObservedConnection:  # fmt: skip
    """A connection that was observed for a minute."""
    flows = [flow("audio", "inbound", **received), flow("audio", "outbound", **sent)]
    path = {"local_type": "relay" if relay else "host"}
    return connection(name, intervals=intervals(TIMES, flows=flows, link=path), **changes)


def told(one: ObservedConference) -> tuple[str, str | None]:
    """Cause and culprit of the conference."""
    whole = _whole(one)
    named = {person.id: person.name for person in one.people}
    return whole.cause, None if whole.culprit is None else named[whole.culprit]


def _said(one: ObservedConference) -> list[Diagnosis]:
    return diagnose(one, detect(one, Limits()))


def _whole(one: ObservedConference) -> Diagnosis:
    (found,) = [said for said in _said(one) if said.participant is None]
    return found


def lossy(*names: str, good: Iterable[str] = (), **changes: Any) -> list[ObservedConnection]:
    """Connections that lose in both directions, and good ones."""
    bad = [link(name, received=LOST, sent=LOST, **changes) for name in names]
    return bad + [link(name, **changes) for name in good]


def broken(*names: str, at_s: float = 20, relay: bool = False) -> dict[str, Any]:
    """Connections that broke, as they told it."""
    events = [
        happening(at_s + after, STATE, state, who=name.split(">")[0], on=name)
        for name in names
        for after, state in ((0, "disconnected"), (10, "failed"))
    ]
    return {"connections": [link(name, relay=relay) for name in names], "happenings": events}


THREE = ("alice", "bob", "carol")
STAR: dict[str, Any] = {"names": ("alice", "bob", "sfu"), "sfu": "sfu"}
FAILED_ICE = [happening(9, ICE, "failed"), happening(9, STATE, "failed")]
NEVER: dict[str, Any] = {"established": False, "attempts": (), "state": "failed"}

CASES: list[tuple[str, ObservedConference, tuple[str, str | None]]] = [
    ("nothing is wrong", conference(connections=[link("alice>bob"), link("bob>alice")]), ("none", None)),
    ("both directions of a pair", conference(connections=lossy("alice>bob")), ("network", None)),
    ("only what alice sends", conference(connections=[link("alice>bob", sent=LOST), link("bob>alice", received=LOST)]), ("network", "alice")),
    ("only what alice receives", conference(connections=[link("alice>bob", received=LOST)]), ("network", "bob")),
    ("a pair of which one reports late", conference(connections=lossy("alice>bob") + lossy("bob>alice", late_s=9.0)), ("network", "bob")),
    ("carol with everybody", conference(names=THREE, connections=lossy("alice>carol", "bob>carol", good=["alice>bob"])), ("network", "carol")),
    ("carol with everybody, and somebody else with less", conference(names=THREE, connections=[*lossy("alice>carol", "bob>carol"), link("alice>bob", received=WELL | {"jitter_ms": 90.0})]), ("network", "carol")),
    ("everybody with everybody, relayed", conference(names=THREE, connections=lossy("alice>carol", "bob>carol", "alice>bob", relay=True)), ("relay", None)),
    ("everybody with everybody, direct", conference(names=THREE, connections=lossy("alice>carol", "bob>carol", "alice>bob")), ("network", None)),
    ("one guest of a server", conference(**STAR, connections=lossy("alice>sfu", good=["bob>sfu"])), ("network", "alice")),
    ("all guests of a server", conference(**STAR, connections=lossy("alice>sfu", "bob>sfu")), ("server", None)),
    ("guests that were lost at different times", conference(**STAR, connections=[link("alice>sfu"), link("bob>sfu")], happenings=[happening(5, STATE, "failed", who="alice", on="alice>sfu"), happening(50, STATE, "failed", who="bob", on="bob>sfu")]), ("network", None)),
    ("a camera", conference(connections=[connection(intervals=intervals(TIMES, flows=[flow("video", "outbound", frames=0, packets=0)]))]), ("device", "alice")),
    ("the only guest", conference(**STAR, connections=lossy("alice>sfu")), ("network", "alice")),
    ("all guests, one reports late", conference(**STAR, connections=lossy("alice>sfu", late_s=8.0) + lossy("bob>sfu")), ("network", None)),
    ("a server that is gone", conference(**STAR, **broken("alice>sfu", "bob>sfu")), ("server", None)),
    ("a guest that is gone", conference(**STAR, **broken("alice>sfu")), ("network", "alice")),
    ("a relay that is gone", conference(**broken("alice>bob", "bob>alice", relay=True)), ("relay", None)),
    ("a path that is gone", conference(**broken("alice>bob", "bob>alice")), ("network", None)),
    ("a server that answers nobody", conference(**STAR, connections=[connection("alice>sfu", **NEVER), connection("bob>sfu", **NEVER)]), ("server", None)),
    ("a guest who cannot get in", conference(**STAR, connections=[connection("alice>sfu", **NEVER), link("bob>sfu")]), ("network", "alice")),
    ("no path", conference(connections=[connection(**NEVER)], happenings=FAILED_ICE), ("network", None)),
    ("nobody answers", conference(connections=[connection(**NEVER | {"state": "new"})]), ("none", None)),
    ("a relay that refuses", conference(connections=[connection(**NEVER)], happenings=[happening(1, "onicecandidateerror", {"errorCode": 401})]), ("relay", None)),
    ("one relay of two refuses", conference(connections=[connection(**NEVER)], happenings=[
        happening(1, "onicecandidateerror", {"errorCode": 401}), happening(2, "onicecandidate", {"type": "relay"}), *FAILED_ICE]), ("network", None)),
    ("no keys", conference(connections=[connection(state="failed")], happenings=[happening(1, ICE, "connected"), happening(5, STATE, "failed")]), ("browser", None)),
]  # fmt: skip


@pytest.mark.parametrize(("case", "observed", "expected"), CASES, ids=[case for case, *_ in CASES])
def test_blame(case: str, observed: ObservedConference, expected: tuple[str, str | None]) -> None:
    assert told(observed) == expected


def refusal(name: str, who: str = "alice", at_s: float = 1) -> Any:
    error = {"error": {"name": name, "message": ""}}
    return happening(at_s, "getUserMedia", error, who=who, on=None)


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("NotAllowedError", "permission"),
        ("SecurityError", "permission"),
        ("NotFoundError", "device"),
        ("NotReadableError", "device"),
        ("TypeError", "browser"),
    ],
)
def test_refused_media(name: str, cause: str) -> None:
    call = conference(connections=[link("alice>bob")], happenings=[refusal(name)])

    assert told(call) == (cause, "alice")


def test_a_later_success_forgives_a_refusal() -> None:
    both = {"audio": [{"id": "a"}], "video": [{"id": "v"}]}
    only_audio = {"audio": [{"id": "a"}], "video": []}

    def call(given: dict[str, Any]) -> ObservedConference:
        later = happening(5, "getUserMedia", given, on=None)
        return conference(
            connections=[link("alice>bob")], happenings=[refusal("NotAllowedError"), later]
        )

    assert told(call(both)) == ("none", None)
    assert told(call(only_audio)) == ("permission", "alice")


def test_the_same_trouble_of_several_is_nobody_s_alone() -> None:
    events = [refusal("NotAllowedError"), refusal("NotAllowedError", who="bob")]
    call = conference(connections=[link("alice>bob"), link("bob>alice")], happenings=events)

    assert told(call) == ("permission", None)
    assert "several participants" in _whole(call).sentence


def test_a_vanished_page_is_to_blame_for_what_breaks() -> None:
    gone = replace(link("bob>alice", end_us=None, state="connected"), last_us=us(18))
    call = conference(
        **{
            **broken("alice>bob"),
            "connections": [link("alice>bob"), gone],
            "stays": [stay(), stay("bob", end_s=None)],
            "now_s": 120,
            "ongoing": True,
        }
    )

    assert told(call) == ("browser", "bob")


def test_an_interruption_that_passed_costs_little() -> None:
    events = [
        happening(at, STATE, state)
        for at, state in ((1, "connected"), (20, "disconnected"), (25, "connected"))
    ]
    call = conference(connections=[link("alice>bob")], happenings=events)
    often = [
        happening(30 + at, STATE, state)
        for n in range(3)
        for at, state in ((5 * n, "disconnected"), (5 * n + 2, "connected"))
    ]
    worse = conference(connections=[link("alice>bob")], happenings=[*events, *often])
    guest = [
        replace(e, connection=uid("alice>sfu"), id=uid(f"g{n}"))
        for n, e in enumerate([*events, *often])
    ]
    at_server = conference(**STAR, connections=[link("alice>sfu")], happenings=guest)

    assert (told(call), _said(call)[0].score) == (("none", None), 92)
    assert told(worse) == ("network", None)
    assert told(at_server) == ("network", "alice")


def test_an_interruption_of_a_poor_link_has_the_cause_of_the_rest() -> None:
    events = [
        happening(at, STATE, state)
        for at, state in ((1, "connected"), (20, "disconnected"), (25, "connected"))
    ]
    call = conference(connections=[link("alice>bob", sent=LOST)], happenings=events)

    (alice, _, _) = _said(call)
    assert alice.codes == ("high_loss", "interrupted")
    assert alice.culprit == uid("alice")


def test_a_score_shows_its_parts() -> None:
    (alice, bob, whole) = _said(
        conference(connections=[link("alice>bob", sent=LOST), link("bob>alice")])
    )

    assert alice.score is not None
    assert alice.score < 100
    assert alice.parts["picture"] is None  # no video
    assert alice.parts["connection"] == {"points": 40.0, "of": 40, "lost": []}
    (item,) = alice.parts["sound"]["lost"]
    assert (item["why"], item["cause"], item["culprit"]) == ("high_loss", "network", str(uid("alice")))  # fmt: skip
    kept = alice.parts["sound"]["points"] + 40 + 15
    assert alice.score == round(100 * kept / 80)
    assert bob.score == 100
    assert whole.score == round(((alice.score + 100) / 2 + alice.score) / 2)
    assert whole.parts[str(uid("alice"))] == {"score": alice.score, "cause": "network"}


def test_who_was_there_without_anything_has_no_score() -> None:
    (alice, bob, whole) = _said(conference())

    assert (alice.score, bob.score, whole.score) == (None, None, None)
    assert whole.sentence == "Nothing was wrong that reports can show."


def test_a_media_server_is_not_diagnosed() -> None:
    said = _said(conference(**STAR, connections=lossy("alice>sfu", "bob>sfu")))

    assert {one.participant for one in said} == {uid("alice"), uid("bob"), None}


def test_longer_trouble_costs_more() -> None:
    def score(seconds: int) -> int:
        flows = [flow("audio", "inbound", **LOST)]
        bad = intervals(range(0, seconds, 2), flows=flows)
        good = intervals(range(seconds, 62, 2), flows=[flow("audio", "inbound", **WELL)])
        one = connection(intervals=(*bad, *good))
        found = _said(conference(connections=[one]))[0].score
        assert found is not None
        return found

    assert score(14) > score(40) > score(58)


def test_evidence_comes_with_the_cause() -> None:
    call = conference(connections=[link("alice>bob", sent=LOST)])
    whole = _whole(call)

    assert whole.codes == ("high_loss",)
    assert uid(f"report {us(0)} alice>bob") in whole.events


def test_sentences_name_people_only_when_they_are_read() -> None:
    whole = _whole(conference(connections=[link("alice>bob", sent=LOST)]))
    pair = _said(conference(connections=lossy("alice>bob")))[0]

    assert "alice" not in whole.sentence
    said = with_names(whole.sentence, {str(uid("alice")): "Alice"})
    assert said == "Most likely the network of Alice: up to 20% of the packets were lost."
    both = {str(uid("alice")): "Alice"}
    assert with_names(pair.sentence, both) == (
        "Most likely the network between Alice and somebody: up to 20% of the packets were lost."
        " This call does not show at which end: look at other calls of both."
    )
    alone = _whole(conference(connections=lossy("alice>bob")))
    assert alone.sentence.endswith("look at other calls of those who took part.")


def test_a_figure_that_is_not_known_is_left_out() -> None:
    from signalbox.monitoring.rules.diagnosis.damage import Damage
    from signalbox.monitoring.rules.diagnosis.links import Blame
    from signalbox.monitoring.rules.diagnosis.words import sentence_of

    def said(cause: Any, why: str) -> str:
        item = Damage(part="sound", points=10, why=why, blame=Blame(cause))
        return sentence_of(Blame(cause), [item], of=None)

    assert said("relay", "high_rtt") == "Most likely the relay (TURN server): a round trip took long."  # fmt: skip
    assert said("server", "unheard_of") == "Most likely the media server: unheard_of."


def test_a_guest_who_reports_late_is_not_taken_for_the_server_s_fault() -> None:
    late = lossy("carol>sfu", late_s=8.0)
    call = conference(
        names=("alice", "bob", "carol", "sfu"),
        sfu="sfu",
        connections=[*lossy("alice>sfu", "bob>sfu"), *late],
    )

    causes = {one.participant: one.cause for one in _said(call)}

    assert causes == {
        uid("alice"): "server",
        uid("bob"): "server",
        uid("carol"): "network",
        None: "server",
    }
