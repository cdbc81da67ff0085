"""States of a player become startup, play, rebuffering, seeking and errors."""

from __future__ import annotations

import pytest

from signalbox.playback.rules.cmcd.figures import (
    Figures,
    figures,
    idle_after_ms,
    timeline,
    whole_timeline,
)
from signalbox.playback.rules.cmcd.folding import Fold, add, again
from signalbox.playback.rules.cmcd.lines import Line, read_line

START = 1_767_225_600_000
SESSION = "5d2a0b6e-0f5e-4a3c-9a5e-1c7f0d9e4b21"


def read(sent: str) -> Line:
    found = read_line(sent, received_ms=START)
    assert isinstance(found, Line)
    return found


def folded(*sent: str) -> Fold:
    fold = Fold()
    add(fold, [read(text) for text in sent])
    return fold


def states(told: str, *, more: str = "") -> Figures:
    """A session by its states, as "s@0 p@820"; a state may be told by another event than `ps`, as "e/f@9"."""
    sent = []
    for number, part in enumerate(told.split()):
        what, at = part.split("@")
        event, _, state = what.rpartition("/")
        sta = f"sta={state}," if state != "-" else ""
        sent.append(
            f'{more}e={event or "ps"},sid="{SESSION}",sn={number},{sta}ts={START + int(at)},v=2'
        )
    return figures(folded(*sent))


WORKED = [
    ("s", 0, ""),
    ("p", 820, "br=(1800;v),"),
    ("r", 41_000, ""),
    ("p", 42_500, ""),
    ("k", 60_000, ""),
    ("r", 60_100, ""),
    ("p", 60_700, "br=(3200;v),"),
    ("a", 90_000, ""),
    ("p", 100_000, ""),
    ("e", 130_820, ""),
]


def test_the_worked_example_is_exact() -> None:
    fold = folded(
        *(
            f'{more}cid="clip-7",e=ps,sf=h,sid="{SESSION}",sn={number},st=v,sta={state},ts={START + at},v=2'
            for number, (state, at, more) in enumerate(WORKED)
        )
    )
    told = figures(fold)

    assert told.startup_ms == 820
    assert told.play_ms == 117_800
    assert (told.rebuffer_ms, told.rebuffer_count) == (1500, 1)
    assert (told.seek_ms, told.seek_count) == (700, 1)
    assert told.pause_ms == 10_000
    assert told.duration_ms == 130_820
    assert told.rebuffer_ms is not None
    assert told.play_ms is not None
    assert round(told.rebuffer_ms / (told.play_ms + told.rebuffer_ms), 6) == 0.012573
    assert told.mean_bitrate_bps == 2_514_499
    assert (told.ending, told.state, told.error_count) == ("ended", "ENDED", 0)
    assert (told.content_id, told.stream_type, told.version) == ("clip-7", "VOD", 2)
    assert told.payload["streamingFormat"] == "h"


@pytest.mark.parametrize(
    ("told", "startup", "play", "rebuffer", "count", "seek", "seeks"),
    [
        ("s@0 r@100 p@500 e@900", 500, 400, 0, 0, 0, 0),  # waiting before the first frame
        ("d@0 s@300 w@400 p@900 e@1000", 600, 100, 0, 0, 0, 0),
        ("s@0 p@10 r@20 w@30 p@50 e@60", 10, 20, 30, 1, 0, 0),  # one stall in two words
        ("s@0 p@10 r@20 t/r@25 p@30 e@40", 10, 20, 10, 1, 0, 0),  # told again while it lasts
        ("s@0 p@10 r@20 a@30 r@40 p@50", 10, 10, 20, 2, 0, 0),
        ("s@0 p@10 k@20 w@30 k@40 r@50 p@60", 10, 10, 0, 0, 40, 1),  # dragged
        ("s@0 p@10 k@20 p@30 k@40 p@50", 10, 20, 0, 0, 20, 2),
        ("s@0 p@10 k@20 a@30 k@40 r@50 p@60", 10, 10, 0, 0, 30, 2),  # twice in a pause
        ("s@0 p@10 k@20 a@30 r@40 p@50 r@60 p@70", 10, 20, 10, 1, 20, 1),
        ("s@0 p@10 r@40", 10, 30, 0, 1, 0, 0),  # left in a stall: open until the last line
        ("s@0 p@10 r@40 t/-@100", 10, 30, 60, 1, 0, 0),
        ("p@0 e@100", None, 100, 0, 0, 0, 0),  # the start was lost
        ("p@0 s@50 p@70 e@100", None, 80, 0, 0, 0, 0),
        ("s@0 s@100 p@300", 300, 0, 0, 0, 0, 0),
        ("s@0 p@10 rr/s@15 e@20", 10, 10, 0, 0, 0, 0),  # of a request, whose time is another
        ("s@0 r@400", None, 0, 0, 0, 0, 0),
    ],
)
def test_time_is_charged_to_the_state_before(
    told: str, startup: int | None, play: int, rebuffer: int, count: int, seek: int, seeks: int
) -> None:
    found = states(told)

    assert (found.startup_ms, found.play_ms) == (startup, play)
    assert (found.rebuffer_ms, found.rebuffer_count) == (rebuffer, count)
    assert (found.seek_ms, found.seek_count) == (seek, seeks)


def test_a_preload_is_no_attempt() -> None:
    assert states("d@0 d@100").attempted is False
    assert states("d@0 s@100").attempted is True


def test_without_states_nothing_is_said_of_playing() -> None:
    found = states("t/-@0 t/-@5000")

    assert (found.play_ms, found.rebuffer_ms, found.rebuffer_count) == (None, None, None)
    assert (found.startup_ms, found.seek_ms, found.error_count) == (None, None, None)
    assert (found.attempted, found.state, found.state_ms, found.ending) == (None,) * 4


def test_of_several_delays_of_the_start_the_largest_counts() -> None:
    found = figures(folded(f'sid="{SESSION}",e=rr,msd=3', f'sid="{SESSION}",e=rr,msd=149'))

    assert found.startup_ms == 149


def test_states_know_the_start_better_than_the_player_says() -> None:
    assert states("s@0 p@318", more="msd=3,").startup_ms == 318


@pytest.mark.parametrize(
    ("told", "errors", "failed", "active"),
    [
        ("s@0 e/s@100", 1, 100, None),
        ("s@0 f@100", 1, 100, None),
        ("s@0 f@100 e/f@110", 1, 110, None),
        ("s@0 p@10 e/p@100", 1, 100, 100),
        ("s@0 p@10 e/p@100 p@300", 1, 100, 300),
        ("s@0 p@10 e/p@100 e/p@2100 e/p@2101 a@2200", 2, 2101, 2101),
        ("s@0 p@10 e@50", 0, None, 50),
        ("e/-@100", 1, 100, None),
    ],
)
def test_errors_are_counted_once(
    told: str, errors: int, failed: int | None, active: int | None
) -> None:
    found = states(told)

    assert found.error_count == errors
    assert (found.failed_elapsed_ms, found.active_elapsed_ms) == (
        failed if failed is None or not told.startswith("e/-") else 0,
        active,
    )


def test_another_code_is_another_error() -> None:
    sent = f'sid="{SESSION}",e=e,ts={START}'
    found = figures(
        folded(f"{sent}1,ec=25", f'{sent}2,ec=("30")', f'{sent}3,ec="25"', f"{sent}4,ec=31")
    )

    assert (found.error_count, found.last_error_code) == (3, "31")


@pytest.mark.parametrize(
    ("more", "bitrate"),
    [
        ("br=(500;v 64;a),", 500_000),
        ("pb=(700;v),br=(500;v),", 700_000),
        ("ab=(564),", 564_000),
        ("br=64,ot=a,", None),
        ("br=fast,ab=(5),", 5000),
        ("br=99999999,", None),
        ("", None),
    ],
)
def test_the_bitrate_is_that_of_the_picture(more: str, bitrate: int | None) -> None:
    found = states("s@0 p@10 e@20", more=more)

    assert found.mean_bitrate_bps == bitrate
    assert found.quality_switches == (None if bitrate is None else 0)


def test_without_states_the_bitrate_is_weighted_by_time() -> None:
    def at(ms: int, kbps: int) -> str:
        return f'br=({kbps}),e=bc,sid="{SESSION}",ts={START + ms}'

    found = figures(folded(at(0, 100), at(30, 400), at(40, 400)))

    assert (found.mean_bitrate_bps, found.quality_switches) == (175_000, 1)


def test_a_bitrate_that_was_never_played_is_none() -> None:
    assert states("s@0 s@100", more="br=(500),").mean_bitrate_bps is None


@pytest.mark.parametrize(
    ("sent", "count", "ms"),
    [
        (("bs",), 1, None),
        (("bs=?0",), None, None),
        (("bs", "bs"), 2, None),
        (("bsd=(100;v)", "bsd=(50;v)"), None, 150),
        (("bsd=(100)", "bsda=(400)", "bsda=(300)", "bsa=(2)"), 2, 400),
        (("bsd=-1", "bsda=x", "bsa=-1"), None, None),
    ],
)
def test_without_states_the_players_own_figures_of_starving_count(
    sent: tuple[str, ...], count: int | None, ms: int | None
) -> None:
    found = figures(folded(*(f'sid="{SESSION}",ts={START + n},{s}' for n, s in enumerate(sent))))

    assert (found.rebuffer_count, found.rebuffer_ms) == (count, ms)


def test_the_states_know_stalls_better_than_the_players_figures() -> None:
    found = states("s@0 p@10 r@20 p@30", more="bsa=(7),bsda=(900),")

    assert (found.rebuffer_count, found.rebuffer_ms) == (1, 10)


def test_quantities_are_the_largest_told() -> None:
    found = figures(
        folded(
            f'sid="{SESSION}",dfa=3,tb=(500;v 64;a)',
            f'sid="{SESSION}",dfa=7,tpb=(568.614)',
            f'sid="{SESSION}",dfa=5,tab=(100)',
        )
    )

    assert (found.dropped_frames, found.top_bitrate_bps) == (7, 568_614)


def test_what_was_told_last_counts() -> None:
    found = figures(
        folded(
            f'sid="{SESSION}",ts=3,cid="new",cdn="b",st=ll,x-page="two",mtp=(900),ltc=(1200)',
            f'sid="{SESSION}",ts=2,cid="old",cdn="a",st=v,x-page="one",x-flag,*x-y=1',
        )
    )

    assert (found.content_id, found.cdn) == ("new", "b")
    assert (found.stream_type, found.low_latency) == ("LIVE", True)
    assert found.payload["custom"] == {"x-flag": True, "x-page": "two"}
    assert (found.payload["measuredThroughputKbps"], found.payload["liveLatencyMs"]) == (900, 1200)


def test_a_host_stands_for_the_cdn() -> None:
    assert figures(folded(f'sid="{SESSION}",h="edge-1"')).cdn == "edge-1"


def test_an_empty_list_of_the_customers_own_is_empty() -> None:
    assert figures(folded(f'sid="{SESSION}",x-l=()')).payload["custom"] == {"x-l": ""}


def test_of_too_many_keys_of_the_customers_own_the_first_by_name_stay() -> None:
    names = [f"x-{number:03}" for number in range(60)]
    there = folded(*(f'sid="{SESSION}",{name}=1' for name in names))
    back = folded(*(f'sid="{SESSION}",{name}=1' for name in reversed(names)))

    assert list(figures(there).payload["custom"]) == names[:50]
    assert figures(there).payload["custom"] == figures(back).payload["custom"]


def test_requests_are_counted_without_times_that_cannot_be() -> None:
    sent = [
        "rc=200,ttfb=10,ttlb=30",
        "rc=404,ttfb=1795204806814,ttlb=50",
        "ttlb=-1",
        "rc=0",
    ]
    found = figures(folded(*(f'e=rr,sid="{SESSION}",{more}' for more in sent)))

    assert found.payload["requests"] == {
        "count": 4,
        "failed": 2,
        "meanFirstByteMs": 10,
        "meanLastByteMs": 40,
        "longestMs": 50,
    }
    assert figures(folded(f'e=rr,sid="{SESSION}"')).payload["requests"] == {
        "count": 1,
        "failed": 0,
    }


def test_requests_that_a_cdn_has_seen_are_requests() -> None:
    found = figures(folded(f'sid="{SESSION}",sta=p,rc=200,ttfb=12', f'sid="{SESSION}",sta=p'))

    assert found.payload["requests"] == {"count": 1, "failed": 0, "meanFirstByteMs": 12}
    assert found.state == "PLAYING"


def test_numbers_that_never_came_are_lost() -> None:
    found = figures(
        folded(
            f'e=t,sid="{SESSION}",sn=0', f'e=t,sid="{SESSION}",sn=3', f'sid="{SESSION}",sn=1,bl=(1)'
        )
    )

    assert found.payload["lost"] == 3  # two events, and one request, whose counter is another


@pytest.mark.parametrize(
    ("told", "idle_ms"),
    [
        ("s@0", 90_000),
        ("t/p@0 t/p@5000", 90_000),
        ("t/p@0 t/p@60000 t/p@110000 t/p@110001", 150_000),
    ],
)
def test_a_session_is_over_after_three_reports_that_did_not_come(told: str, idle_ms: int) -> None:
    sent = []
    for number, part in enumerate(told.split()):
        what, at = part.split("@")
        event, _, state = what.rpartition("/")
        sent.append(
            f'e={event or "ps"},sid="{SESSION}",sn={number},sta={state},ts={START + int(at)}'
        )

    assert idle_after_ms(folded(*sent)) == idle_ms


def test_the_timeline_shows_states_bitrates_and_buffers() -> None:
    def at(ms: int, more: str) -> str:
        return f'e=ps,sid="{SESSION}",ts={START + ms},{more}'

    fold = folded(
        at(0, "bl=(0),br=(500)"),
        at(10, "sta=s"),
        at(400, "sta=p,bl=(2000;v 1900;a)"),
        at(900, "sta=r"),
        at(1000, "sta=p,br=(100)"),
        at(1000, "sta=p,br=(200)"),
    )
    rows = timeline(fold)

    assert [(row.elapsed_ms, row.playback_state) for row in rows] == [
        (10, "BUFFERING"),
        (400, "PLAYING"),
        (900, "BUFFERING"),
        (1000, "PLAYING"),
    ]
    assert [row.bitrate_bps for row in rows] == [500_000, 500_000, 500_000, 200_000]
    assert [row.buffered_ms for row in rows] == [None, 2000, None, None]
    assert [(row.rebuffer_count, row.rebuffer_time_ms) for row in rows][2:] == [(1, 0), (1, 100)]
    assert timeline(fold, START + 900) == rows[2:]
    assert timeline(folded(at(0, "sta=s")))[0].bitrate_bps is None


def test_a_session_lasts_until_its_last_line() -> None:
    found = states("s@0 p@10 t/p@5000")

    assert (found.play_ms, found.state, found.state_ms, found.ending) == (
        4990,
        "PLAYING",
        4990,
        None,
    )
    assert states("s@0 p@10 q@20").ending == "quit"


def test_a_session_that_is_made_again_from_its_lines_tells_all_of_its_timeline() -> None:
    lines = [
        read(f'e=ps,sid="a",sn=0,sta=s,ts={START}'),
        read(f'e=rr,sid="a",sn=1,ts={START + 10}'),
        read(f'e=ps,sid="a",sn=2,sta=p,ts={START + 820}'),
    ]

    fold, marks = again(lines)

    assert (fold.late, fold.remade) == (False, 3)
    told = [(row.elapsed_ms, row.playback_state) for row in whole_timeline(fold, marks)]
    assert told == [(0, "BUFFERING"), (820, "PLAYING")]
