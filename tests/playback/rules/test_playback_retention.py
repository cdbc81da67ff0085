"""Of the policies of an app the most specific one that fits a session holds."""

from __future__ import annotations

from uuid import UUID

from signalbox.playback.rules.retention import Keep, Limit, Policy, keep

OURS, THEIRS = UUID(int=1), UUID(int=2)


def test_without_a_policy_the_installation_decides() -> None:
    assert keep([], OURS, "sessions", 90) == Keep([], 90)
    assert keep([], OURS, "payload", 90) == Keep([], 90)
    assert keep([], OURS, "timeline", 90) == Keep([], 30)
    assert keep([], OURS, "events", 90) == Keep([], 7)


def test_contents_come_before_stream_types_and_these_before_the_app() -> None:
    policies = [
        Policy(app_id=OURS, sessions_days=60),
        Policy(app_id=OURS, stream_type="LIVE", sessions_days=7),
        Policy(app_id=OURS, content_prefix="news/", sessions_days=14),
        Policy(app_id=OURS, content_prefix="news/today/", sessions_days=1),
        Policy(app_id=OURS, content_prefix="news/", stream_type="LIVE", sessions_days=3),
        Policy(app_id=THEIRS, sessions_days=5),
    ]

    found = keep(policies, OURS, "sessions", 90)

    assert found.limits == [
        Limit(None, "news/today/", 1),
        Limit("LIVE", "news/", 3),
        Limit(None, "news/", 14),
        Limit("LIVE", None, 7),
    ]
    assert (found.otherwise, found.shortest, found.longest) == (60, 1, 60)


def test_a_policy_that_says_nothing_of_a_kind_leaves_it_to_the_next() -> None:
    policies = [
        Policy(app_id=OURS, stream_type="VOD", payload_days=3),
        Policy(app_id=OURS, sessions_days=20),
    ]

    assert keep(policies, OURS, "sessions", 90) == Keep([], 20)
    assert keep(policies, OURS, "payload", 90) == Keep([Limit("VOD", None, 3)], 90)
