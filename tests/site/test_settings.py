"""A careless value stops the start and names its variable, before anything is started."""

from __future__ import annotations

import pytest

from signalbox.core.settings import SettingError
from signalbox.site.settings import load_settings, origin_of

CARELESS = [
    ("SIGNALBOX_TRUSTED_PROXIES", "banana"),
    ("SIGNALBOX_TRUSTED_PROXIES", "10.0.0.0/8,10.0.0.0/99"),
    ("SIGNALBOX_WEB_DOMAIN", "https://"),
    ("SIGNALBOX_WEB_DOMAIN", "ftp://calls.example.com"),
    ("SIGNALBOX_WEB_DOMAIN", "https://calls.example.com/dashboard"),
    ("SIGNALBOX_WEB_DOMAIN", "https://calls.example.com:x"),
    ("SIGNALBOX_WEB_DOMAIN", "https://me@calls.example.com"),
    ("SIGNALBOX_CONFERENCE_TIMEOUT_HOURS", "-1"),
    ("SIGNALBOX_CONFERENCE_TIMEOUT_HOURS", "0"),
    ("SIGNALBOX_CONFERENCE_TIMEOUT_HOURS", "1e300"),
    ("SIGNALBOX_EVENTS_DAYS", "1000000000"),
    ("SIGNALBOX_SAMPLES_DAYS", "1000000000"),
    ("SIGNALBOX_KEEP_DAYS", "1000000000"),
    ("SIGNALBOX_INGEST_PER_MINUTE", "1" + "0" * 30),
    ("SIGNALBOX_QUERY_PER_MINUTE", "1" + "0" * 30),
]


@pytest.mark.parametrize(("name", "text"), CARELESS, ids=range(len(CARELESS)))
def test_a_careless_value_names_its_variable(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=name):
        load_settings({name: text})


@pytest.mark.parametrize(
    "text", ["https://Calls.example.com/", "calls.example.com", " https://calls.example.com"]
)
def test_the_origin_of_our_pages_is_compared_as_browsers_send_it(text: str) -> None:
    assert load_settings({"SIGNALBOX_WEB_DOMAIN": text}).site.web_domain
    assert origin_of(text) == "https://calls.example.com"
