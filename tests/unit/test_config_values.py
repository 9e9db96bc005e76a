"""Durations, rates, cron expressions, addresses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from syncd.config.cron import parse_cron
from syncd.config.urls import is_loopback, parse_base_url, parse_database_url, sqlite_file
from syncd.config.values import Rate, duration_text, parse_duration, parse_listen, parse_rate, parse_since
from syncd.connector import Limit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("30s", 30),
        ("5m", 300),
        ("12h", 43_200),
        ("1h30m", 5400),
        ("90d", 7_776_000),
        ("2w", 1_209_600),
    ],
)
def test_durations_are_numbers_with_units(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value", ["5", 5, 5.0, "", "5 m", "m", "-5m", "5M", "5m\n", None, True, "999999w", "٣m"]
)
def test_a_duration_without_its_unit_is_refused(value):
    with pytest.raises(PydanticCustomError):
        parse_duration(value)


@pytest.mark.parametrize("text", ["0s", "30s", "5m", "1h30m", "90d", "1d1h1m1s"])
def test_durations_are_written_as_they_are_read(text):
    assert duration_text(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("text", "count", "per_s", "again"),
    [
        ("600/min", 600, 60, "600/min"),
        ("5/s", 5, 1, "5/s"),
        ("100/10s", 100, 10, "100/10s"),
        ("7 / 2 hour", 7, 7200, "7/7200s"),
        ("1000/day", 1000, 86_400, "1000/day"),
    ],
)
def test_rates_are_counts_per_period(text, count, per_s, again):
    assert parse_rate(text) == Rate(count, per_s)
    assert str(parse_rate(text)) == again
    assert parse_rate(again) == parse_rate(text)


@pytest.mark.parametrize(
    "value", ["600", "0/min", "600/month", 600, "600/0s", "600/min/s", "/min", "600/", None]
)
def test_a_rate_without_its_period_is_refused(value):
    with pytest.raises(PydanticCustomError):
        parse_rate(value)


def test_rates_are_compared_in_the_long_run():
    assert parse_rate("61/min").exceeds(Limit("x", 60, 60))
    assert not parse_rate("10/s").exceeds(Limit("x", 600, 60))


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("0 6 * * *", ("0", "6", None, None, None)),
        ("*/20 8-10 * * mon-fri", ("0,20,40", "8,9,10", None, None, "mon,tue,wed,thu,fri")),
        ("5,10-12 0 1 jan,7 *", ("5,10,11,12", "0", "1", "1,7", None)),
        ("0 0 * * 0", ("0", "0", None, None, "sun")),
        ("0 0 * * 7", ("0", "0", None, None, "sun")),
        ("0 0 * * SAT-SUN", ("0", "0", None, None, "sun,sat")),
        ("0 0 * * 1", ("0", "0", None, None, "mon")),
        ("10/25 * * * *", ("10,35", None, None, None, None)),
    ],
)
def test_cron_fields_are_read_as_crontab_reads_them(text, trigger):
    full = (
        ",".join(map(str, range(60))),
        ",".join(map(str, range(24))),
        ",".join(map(str, range(1, 32))),
        ",".join(map(str, range(1, 13))),
        "sun,mon,tue,wed,thu,fri,sat",
    )
    names = ("minute", "hour", "day", "month", "day_of_week")
    expected = {n: t if t is not None else f for n, t, f in zip(names, trigger, full, strict=True)}
    assert parse_cron(text).trigger == expected
    assert parse_cron(text).fires


def test_an_apscheduler_trigger_takes_the_fields_and_fires_on_the_right_weekday():
    from apscheduler.triggers.cron import CronTrigger

    trigger = CronTrigger(**parse_cron("30 9 * * 1").trigger, timezone=UTC)
    fires = trigger.get_next_fire_time(None, datetime(2026, 11, 21, tzinfo=UTC))
    assert fires == datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    assert fires.strftime("%A") == "Monday"


@pytest.mark.parametrize(
    "text",
    [
        "* * * *",
        "* * * * * *",
        "@daily",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "* * * * fri-mon",
        "*/0 * * * *",
        "*-5 * * * *",
        "1- * * * *",
        ", * * * *",
        "foo * * * *",
        "0 0 1 * mon",
        "",
        5,
        None,
    ],
)
def test_cron_expressions_that_are_wrong_or_ambiguous_are_refused(text):
    with pytest.raises(PydanticCustomError):
        parse_cron(text)


@pytest.mark.parametrize(
    ("text", "fires"),
    [("0 0 30 2 *", False), ("0 0 31 4,6,9,11 *", False), ("0 0 29 2 *", True), ("0 0 31 2,3 *", True)],
)
def test_a_date_that_never_comes_is_known(text, fires):
    assert parse_cron(text).fires is fires


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("https://api.example.com", False),
        ("https://api.example.com/", False),
        ("http://127.0.0.1:8001", True),
        ("http://localhost:8001", True),
        ("http://LOCALHOST.:8001", True),
        ("http://[::1]:8001", True),
        ("http://[::ffff:127.0.0.1]:8001", True),
        ("http://127.8.9.1", True),
        ("https://10.0.0.5", False),
        ("https://localhost.example.com", False),
    ],
)
def test_base_urls_lead_to_this_machine_or_not(text, loopback):
    assert is_loopback(parse_base_url(text)) is loopback
    assert not parse_base_url(text).endswith("/")


@pytest.mark.parametrize(
    "value",
    [
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://127.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://0x7f.0.0.1",
        "https://0.0.0.0",
        "http://[::]",
        "https://user:pass@api.example.com",
        "https://user@api.example.com",
        "http://127.0.0.1@api.example.com",
        "https://api.example.com?x=1",
        "https://api.example.com?",
        "https://api.example.com#x",
        "https://api.example.com/../x",
        "https://api.example.com/%2e%2e",
        "https://api.example.com//x",
        "https://api.example.com\\@127.0.0.1",
        "https://exämple.com",
        "https://-bad.example",
        "https://api.example.com:0",
        "https://api.example.com:99999",
        "https://",
        "ftp://api.example.com",
        "api.example.com",
        "https://api example.com",
        "https://[::1",
        5,
        None,
    ],
)
def test_base_urls_that_could_mislead_are_refused(value):
    with pytest.raises(PydanticCustomError):
        parse_base_url(value)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///var/lib/syncd/syncd.db", "/var/lib/syncd/syncd.db"),
        ("sqlite:////var/lib/syncd/syncd.db", "/var/lib/syncd/syncd.db"),
        ("sqlite:syncd.db", "/etc/syncd/syncd.db"),
        ("sqlite:state/syncd.db", "/etc/syncd/state/syncd.db"),
    ],
)
def test_a_sqlite_state_is_one_absolute_file(url, path):
    assert sqlite_file(parse_database_url(url), Path("/etc/syncd")) == Path(path)


@pytest.mark.parametrize(
    "value",
    [
        "sqlite:",
        "sqlite://",
        "sqlite:///",
        "sqlite://syncd.db",
        "sqlite:///syncd.db",
        "sqlite:///./syncd.db",
        "sqlite:///var/../syncd.db",
        "sqlite::memory:",
        "sqlite:///var/lib/x.db?mode=ro",
        "postgres://user@host/db",
        "postgresql+psycopg://user@host/db",
        "postgresql://user:hunter2@host/db",
        "postgresql://user@host/db?password=hunter2",
        "postgresql://user@host",
        "postgresql:host/db",
        "mysql://host/db",
        "/var/lib/syncd.db",
        "",
        None,
    ],
)
def test_states_that_cannot_keep_are_refused_without_repeating_them(value):
    with pytest.raises(PydanticCustomError) as caught:
        parse_database_url(value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:8642", "127.0.0.1", 8642), ("[::1]:0", "::1", 0), ("localhost:80", "localhost", 80)],
)
def test_a_listening_address_is_host_and_port(text, host, port):
    listen = parse_listen(text)
    assert (listen.host, listen.port, str(listen)) == (host, port, text)


@pytest.mark.parametrize("value", ["8642", 8642, ":8642", "127.0.0.1", "127.0.0.1:99999", "::1:80", None])
def test_other_listening_addresses_are_refused(value):
    with pytest.raises(PydanticCustomError):
        parse_listen(value)


def test_since_is_an_aware_instant_or_a_word():
    assert parse_since("now") == "now"
    assert parse_since("beginning") == "beginning"
    assert parse_since("2026-01-31T01:00:00+01:00") == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["2026-01-31", "2026-01-31T00:00:00", "yesterday", 5, None, "0001-01-01T00:00:00+10:00"]
)
def test_a_time_without_its_zone_is_refused(value):
    with pytest.raises(PydanticCustomError):
        parse_since(value)
