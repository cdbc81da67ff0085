"""The pages of the dashboard, and which rows of its content each of them must show.

`THERE` names the pages that exist. Who builds a page adds it: from then on it must show all its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class PageUnderTest:
    """`path` has the names of things from the scene in braces; `rows` are values of `data-row`.

    `filters` are parameters of the address that are chosen from a list, `other_filters` those with a test of their own.
    """

    name: str
    path: str
    rows: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    other_filters: tuple[str, ...] = ()
    signed_in: bool = True
    framed: bool = True  # with the frame of all pages: header, link to the content
    part: bool = False  # of a page that is in the list already: rows only

    def __str__(self) -> str:
        return self.name


_CHARTS: Final = (
    "conferences-per-day", "common-issues", "media-access-errors", "relayed-connections", "conference-duration", "connection-setup-time",
    "participants-per-conference", "browsers", "operating-systems", "map",
)  # fmt: skip
_GRAPHS: Final = (
    "graph-resolution", "graph-frames", "graph-codec-time", "graph-emos", "graph-throughput", "graph-rtt", "graph-packet-loss", "graph-jitter",
    "graph-bitrate", "graph-fps", "graph-freezes", "graph-quality-limitation", "graph-available-bandwidth", "graph-codec",
)  # fmt: skip
_GRAPH_FILTERS: Final = ("participant", "peer", "data", "direction", "track")
_PLAYBACK_FILTERS: Final = (
    "contentId",
    "streamType",
    "deviceModel",
    "sdkVersion",
    "connectionType",
)
_APP_FILTERS: Final = ("appVersion", "browser", "os", "country", "sdk")

PAGES: Final = (
    PageUnderTest(name="login", path="/login", signed_in=False, framed=False),
    PageUnderTest(name="change-password", path="/change-password", framed=False),
    PageUnderTest(
        name="welcome",
        path="/welcome",
        rows=("welcome-organization", "welcome-app", "welcome-snippet", "welcome-first-call"),
    ),
    PageUnderTest(name="dashboard", path="/dashboard", rows=("search-box", "search-hit")),
    PageUnderTest(
        name="organization",
        path="/organization/{organization}",
        rows=("apps-table", "app", "app-pause", "app-snippet", "app-delete", "app-add"),
    ),
    PageUnderTest(
        name="overview",
        path="/apps/{app}",
        rows=("app-name-edit", "app-domain-edit", *(f"filter-{name}" for name in ("app-version", "browser", "os", "country")), *_CHARTS),
        filters=_APP_FILTERS,
        other_filters=("range",),
    ),
    PageUnderTest(
        name="conferences",
        path="/apps/{app}/conferences",
        rows=("conference-list",),
        filters=("status", "cause", "issue", *_APP_FILTERS),
        other_filters=("range", "query"),
    ),
    PageUnderTest(
        name="conference",
        path="/conference/{conference}",
        rows=(
            "conference-header", "participant-card", "timeline", "timeline-participant", "timeline-connection", "timeline-events", "timeline-event-json",
            "diagnosis", "issues",
        ),
        other_filters=("connection", *_GRAPH_FILTERS),
    ),
    PageUnderTest(name="conference-map", path="/conference/{conference}", rows=("participant-map",), part=True),
    PageUnderTest(name="conference-media", path="/conference/{conference}", rows=("sdp-explorer", "candidate-explorer"), part=True),
    PageUnderTest(
        name="conference-graphs",
        path="/conference/{conference}",
        rows=(*(f"graph-filter-{name}" for name in _GRAPH_FILTERS), "presence-strip", *_GRAPHS),
        part=True,
    ),
    PageUnderTest(
        name="participant",
        path="/participant/{participant}",
        rows=("participant-header", "minutes-per-day", "conferences-with-issues", "participant-conferences"),
    ),
    PageUnderTest(
        name="participant-devices",
        path="/participant/{participant}?tab=devices",
        rows=("top-microphones", "top-cameras", "top-outputs", "participant-browsers", "participant-operating-systems", "participant-map"),
    ),
    PageUnderTest(
        name="participant-connection",
        path="/participant/{participant}?tab=connection",
        rows=("participant-rtt", "participant-loss", "participant-emos", "participant-relay-share"),
    ),
    PageUnderTest(name="sfu", path="/participant/{sfu}", rows=("participant-header",)),
    PageUnderTest(
        name="issues",
        path="/apps/{app}/issues",
        rows=("issue-list",),
        filters=("kind", "code", *_APP_FILTERS),
        other_filters=("range",),
    ),
    PageUnderTest(
        name="compare",
        path="/apps/{app}/compare",
        rows=("compare-table",),
        filters=("kind", "figures"),
        other_filters=("by", "a", "b", "on", "range", "browser", "os", "country", "sdk"),
    ),
    PageUnderTest(name="live", path="/apps/{live_app}/live", rows=("live-wall", "live-call"), other_filters=("q", "state", "sort")),
    PageUnderTest(
        name="settings",
        path="/apps/{app}/settings",
        rows=("settings-app", "settings-keys", "settings-members", "settings-retention", "settings-masking"),
    ),
    PageUnderTest(name="usage", path="/apps/{app}/usage", rows=("usage-days",)),
    PageUnderTest(
        name="playback",
        path="/apps/{app}/playback",
        rows=(
            "playback-figures", "playback-outcomes", "playback-startup", "playback-errors", "playback-rebuffer-ratio", "playback-rebuffer-frequency",
            "playback-viewers", "playback-score", "playback-breakdown",
        ),
        filters=_PLAYBACK_FILTERS,
        other_filters=("range", "by"),
    ),
    PageUnderTest(
        name="playback-sessions",
        path="/apps/{app}/playback/sessions",
        rows=("playback-sessions",),
        filters=("outcome", "errors", "startup", *_PLAYBACK_FILTERS),
        other_filters=("range",),
    ),
    PageUnderTest(
        name="playback-session",
        path="/apps/{app}/playback/session?id={playback_session}",
        rows=("playback-session", "playback-session-figures", "playback-session-bitrate", "playback-session-buffer", "playback-timeline"),
    ),
    PageUnderTest(
        name="alerts",
        path="/apps/{app}/alerts",
        rows=("alerts-open", "open-alert", "alert-list"),
        filters=("severity", "rule", "context", "state", "parts"),
        other_filters=("range",),
    ),
    PageUnderTest(name="alert", path="/apps/{app}/alerts/{alert}", rows=("alert-figures", "alert-course", "alert-samples", "alert-looks")),
    PageUnderTest(name="alert-rules", path="/apps/{app}/alerts/rules", rows=("rule-list",)),
    PageUnderTest(name="alert-rule", path="/apps/{app}/alerts/rule?id=playback_error_spike", rows=("rule-form", "rule-backtest")),
    PageUnderTest(name="alert-channels", path="/apps/{app}/alerts/channels", rows=("channel-list",)),
    PageUnderTest(name="account", path="/account", rows=("account-password",)),
    PageUnderTest(name="empty-overview", path="/apps/{empty_app}", other_filters=(*_APP_FILTERS, "range")),
)  # fmt: skip

# Names of pages that are built. Add yours.
THERE: Final[frozenset[str]] = frozenset(
    {
        "account",
        "alert",
        "alert-channels",
        "alert-rule",
        "alert-rules",
        "alerts",
        "change-password",
        "compare",
        "conference",
        "conference-graphs",
        "conference-map",
        "conference-media",
        "conferences",
        "dashboard",
        "empty-overview",
        "issues",
        "live",
        "login",
        "organization",
        "overview",
        "participant",
        "participant-connection",
        "participant-devices",
        "playback",
        "playback-session",
        "playback-sessions",
        "settings",
        "sfu",
        "usage",
        "welcome",
    }
)

ROWS: Final = tuple((page, row) for page in PAGES if page.name in THERE for row in page.rows)
EXISTING: Final = tuple(page for page in PAGES if page.name in THERE and not page.part)
