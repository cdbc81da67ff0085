"""The names that Media3Watch's operators know are understood, and nobody starts in production with the key that all know."""

from __future__ import annotations

import pytest

from signalbox.core.settings import SettingError, with_credentials
from signalbox.site.playback import check_key
from signalbox.site.settings import load_settings


@pytest.mark.parametrize(
    ("url", "user", "password", "address"),
    [
        ("jdbc:postgresql://postgres:5432/media3watch", "m3w", "p w@", "postgresql://m3w:p%20w%40@postgres:5432/media3watch"),
        ("jdbc:postgresql://h/db?user=a&password=b%40&sslmode=require", None, None, "postgresql://a:b%40@h/db?sslmode=require"),
        ("postgresql://u:p@h/db", "x", "y", "postgresql://u:p@h/db"),
        ("postgres://u@h/db", "x", "y", "postgres://u:y@h/db"),
        ("postgresql:///db?host=/tmp/a b", None, None, "postgresql:///db?host=/tmp/a b"),
    ],
)  # fmt: skip
def test_an_address_wins_over_user_and_password_beside_it(
    url: str, user: str | None, password: str | None, address: str
) -> None:
    assert with_credentials(url, user, password) == address


def test_the_known_names_are_understood() -> None:
    settings = load_settings(
        {
            "DATABASE_URL": "jdbc:postgresql://db:5432/media3watch",
            "DATABASE_USER": "m3w",
            "DATABASE_PASSWORD": "word",
            "PLAYBACK_REDIS_URL": "redis://cache:6379/0",
            "PORT": "8080",
            "HIKARI_MAX_POOL_SIZE": "20",
            "HIKARI_MIN_IDLE": "5",
            "LOG_LEVEL": "WARN",
            "LOG_FORMAT": "text",
            "ENABLE_METRICS": "false",
            "METRICS_TOKEN": "t",
            "M3W_API_KEY": "k",
            "RATE_LIMIT_REQUESTS": "7",
            "PLAYBACK_SPOOL": "on",
            "DB_RETRY_BUDGET_MS": "1000",
            "PLAYBACK_HOSTS": "play.example.org, :8081",
        }
    )

    core, site, playback = settings.core, settings.site, settings.playback
    assert core.database_url == "postgresql://m3w:word@db:5432/media3watch"
    assert core.redis_url == "redis://cache:6379/0"
    assert (site.port, core.database_pool_size, core.database_idle) == (8080, 20, 5)
    assert (core.log_level, core.log_format) == ("warn", "text")
    assert (site.enable_metrics, site.metrics_token) == (False, "t")
    assert (playback.built_in_key, playback.rate_limit_requests, playback.spool) == ("k", 7, True)
    assert (playback.retry_budget_ms, playback.hosts) == (1000, ["play.example.org", ":8081"])


@pytest.mark.parametrize("name", ["RATE_LIMIT_REQUESTS", "PLAYBACK_SPOOL", "HIKARI_MAX_POOL_SIZE"])
def test_a_value_that_does_not_fit_stops_the_start(name: str) -> None:
    with pytest.raises(SettingError, match=name):
        load_settings({name: "much"})


def test_the_key_that_all_know_is_refused_in_production(
    capfd: pytest.CaptureFixture[str],
) -> None:
    known = {"M3W_API_KEY": "dev-key"}
    with pytest.raises(SettingError, match="SIGNALBOX_PLAYBACK_KEY"):
        check_key(load_settings(known | {"PLAYBACK_ENV": "production"}))
    check_key(load_settings(known))
    check_key(load_settings({"M3W_API_KEY": "another", "PLAYBACK_ENV": "production"}))

    assert "".join(capfd.readouterr()).count("playback.key_well_known") == 1
