"""Lines of players are read as they are written, and what is none is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbox.playback.rules.cmcd.dictionary import is_true, items, members, number, text, whole
from signalbox.playback.rules.cmcd.lines import (
    Line,
    Unreadable,
    line_of,
    read_line,
    without_queries,
    written,
)

AT = 1_767_225_600_000


def line(sent: str, **known: object) -> Line:
    found = read_line(sent, received_ms=AT, **known)  # type: ignore[arg-type]
    assert isinstance(found, Line)
    return found


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ('sid="a",sn=3,su,v=2', {"sid": "a", "sn": "3", "su": "", "v": "2"}),
        ("br=(1800;v 64;a),pr=1.25", {"br": "(1800;v 64;a)", "pr": "1.25"}),
        ('nor=("seg-2.m4s" "seg,3.m4s"),e=rr', {"nor": '("seg-2.m4s" "seg,3.m4s")', "e": "rr"}),
        (r'cid="a \"b\" \\ c",e=t', {"cid": r'a "b" \ c', "e": "t"}),
        (r'nor=("a\"b"),e=t', {"nor": r'("a\"b")', "e": "t"}),
        ("br=1800;v,e=t", {"br": "(1800;v)", "e": "t"}),
        ('cid="a";x=1,e=t', {"cid": "(a;x=1)", "e": "t"}),
        ("bs;x,e=t", {"bs": "", "e": "t"}),
        ("br=(1800);x,e=t", {"br": "(1800)", "e": "t"}),
        ("cid=my film,sid=abc-1", {"cid": "my film", "sid": "abc-1"}),
        ("nor=..%2F300kbps%2Fseg.m4v,sid=a", {"nor": "..%2F300kbps%2Fseg.m4v", "sid": "a"}),
        ("a=1,,b=2,", {"a": "1", "b": "2"}),
        ("  a=1 , b=2 \r", {"a": "1", "b": "2"}),
        ("a=,b=2", {"a": "", "b": "2"}),
        ("a=1,a=2", {"a": "2"}),
        ('com.example-Key="x",*b=1', {"com.example-Key": "x", "*b": "1"}),
        ("ec=25,e=e", {"ec": "25", "e": "e"}),
        ('cid="",e=t', {"cid": "", "e": "t"}),
    ],
)
def test_a_line_is_taken_apart(sent: str, found: dict[str, str]) -> None:
    assert members(sent) == found


@pytest.mark.parametrize(
    "sent",
    ["", "   ", "{}", '{"sid":"a"}', '"sid"', 'sid="a', "sid=(1 2", "a=1 b)=2", "a=1;;", "<html>"],
)
def test_what_is_no_dictionary_is_none(sent: str) -> None:
    assert members(sent) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(sent: str) -> None:
    found = read_line(sent, received_ms=AT)

    assert isinstance(found, (Line, Unreadable))


_VALUES = st.one_of(
    st.integers(0, 10**12).map(str),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12).filter(
        lambda text: not text.startswith("(")
    ),
)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,6}", fullmatch=True), _VALUES, min_size=1))
def test_members_that_are_written_are_read_again(fields: dict[str, str]) -> None:
    assert members(written(fields)) == fields


def test_a_list_is_written_as_it_was() -> None:
    assert written({"br": "(1800;v)", "bs": "", "pr": "1.25"}) == "br=(1800;v),bs,pr=1.25"


def test_a_text_is_written_with_its_quotes_escaped() -> None:
    assert written({"cid": 'a "b" \\ c'}) == r'cid="a \"b\" \\ c"'


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        (None, False),
        ("", True),
        ("?1", True),
        ("?0", False),
        ("(?0;a ?1;v)", True),
        ("(?0;v)", False),
        ("()", False),
    ],
)
def test_a_boolean(value: str | None, yes: bool) -> None:
    assert is_true(value) is yes


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1800", 1800),
        ("(1800)", 1800),
        ("(64;a 1800;v)", 1800),
        ("(64;a 96;a)", 64),
        ("568.614", 568.614),
        ("-5", -5),
        ("()", None),
        ("fast", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_of_a_list_the_picture_counts(value: str, found: float | None) -> None:
    assert number(value) == found


def test_whole_numbers_and_texts() -> None:
    assert (whole("12.7"), whole("x"), whole(None)) == (12, None, None)
    assert (text('("a" "b")'), text("a"), text(""), text("()"), text(None)) == (
        "a",
        "a",
        None,
        None,
        None,
    )
    assert items(r'("a\"b";x 2)') == (('a"b', ";x"), ("2", ""))


def test_a_line_says_who_when_and_which() -> None:
    found = line('cid="clip-7",e=ps,sid="abc",sn=4,sta=p,ts=1767225600820,v=2')

    assert (found.session_id, found.ts_ms, found.sn) == ("abc", 1_767_225_600_820, 4)
    assert (found.event, found.state, found.version) == ("ps", "p", 2)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        ("hello (world", "bad"),
        ("e=t,ts=5", "no_sid"),
        ('e=t,sid="",ts=5', "no_sid"),
        (f'sid="{"a" * 65}"', "bad_sid"),
        ('sid="a\x01b"', "bad_sid"),
        ('sid="a\0b"', "bad_sid"),
        (f'sid="a",cid="{"x" * 8192}"', "too_long"),
        (f'sid="a",cid="{"ü" * 4090}"', "too_long"),
    ],
)
def test_a_line_that_cannot_be_kept_says_why(sent: str, reason: str) -> None:
    assert read_line(sent, received_ms=AT) == Unreadable(reason)


@pytest.mark.parametrize(
    ("said", "ts_ms"),
    [
        ("ts=5", 5),
        ("ts=5.9", 5),
        ("ts=0", AT),
        ("ts=-3", AT),
        ("ts=soon", AT),
        ("ts=999999999999999", AT),
        ("su", AT),
    ],
)
def test_a_time_that_cannot_be_is_that_of_the_receipt(said: str, ts_ms: int) -> None:
    assert line(f'sid="a",{said}').ts_ms == ts_ms


def test_a_line_without_a_time_was_when_it_was_seen() -> None:
    assert line('sid="a"', at_ms=77).ts_ms == 77
    assert line('sid="a",ts=78', at_ms=77).ts_ms == 78


def test_version_one_says_nothing_of_its_version() -> None:
    assert [line(f'sid="a"{told}').version for told in ("", ",v=1", ",v=2")] == [1, 1, 2]


def test_an_unknown_state_is_none() -> None:
    assert line('sid="a",sta=z').state == ""


def test_a_repetition_has_the_key_of_the_first() -> None:
    first = line('sid="a",e=t,sn=1,ts=5,bl=(4)')

    assert line('bl=(9),sid="a",e=t,sn=1,ts=5').key == first.key
    for other in ("e=ps,sn=1,ts=5", "e=t,sn=2,ts=5", "e=t,sn=1,ts=6"):
        assert line(f'sid="a",{other}').key != first.key


def test_without_a_number_the_whole_line_is_the_key() -> None:
    assert line('sid="a",bl=3').key == line('sid="a",bl=3').key
    assert line('sid="a",bl=3').key != line('sid="a",bl=4').key
    assert line('sid="a",bl=3', identity=b"1").key != line('sid="a",bl=3', identity=b"2").key


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('url="https://a/b.m4s?token=x#y",e=rr', 'url="https://a/b.m4s",e=rr'),
        (r'url="https://a/\"b?token=x\"y",e=rr', r'url="https://a/\"b",e=rr'),
        ("url=https://a/b?token=x,e=rr", "url=https://a/b,e=rr"),
        ('e=rr,url="https://a/b"', 'e=rr,url="https://a/b"'),
        ('cid="why?",e=t', 'cid="why?",e=t'),
        ('curl="a?b",url="c?d"', 'curl="a?b",url="c"'),
    ],
)
def test_an_address_is_kept_without_its_query(sent: str, kept: str) -> None:
    assert without_queries(sent) == kept


def test_what_cannot_be_stored_is_replaced() -> None:
    found = line('sid="a",cid="b\0c",e=averyverylongevent')

    assert found.text == 'sid="a",cid="b\ufffdc",e=averyverylongevent'
    assert (found.fields["cid"], found.event) == ("b\ufffdc", "averyverylongeve")


def test_members_that_are_known_make_a_line() -> None:
    found = line_of({"sid": "a", "sn": "1"}, "x", received_ms=AT)

    assert isinstance(found, Line)
    assert found.text == "x"
