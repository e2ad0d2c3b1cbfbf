"""Recurring schedules: when they are due, above all in zones that change their clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from cotiza_queue.errors import InvalidInput
from cotiza_queue.model.cron import LONGEST_PREVIEW, Cron

DAY_MS = 86_400_000
ZONES = (
    "UTC",
    "America/New_York",
    "America/Mexico_City",
    "America/Tijuana",
    "America/Havana",
    "America/Santiago",
    "America/Asuncion",
    "America/St_Johns",
    "America/Nuuk",
    "America/Sao_Paulo",
    "Atlantic/Azores",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Chisinau",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
)
DAILY_OR_RARER = (
    "0 0 * * *",
    "30 1 * * *",
    "15,45 2 * * *",
    "30 23 * * *",
    "0,30 0-3/3 * * *",
    "0 6 * * mon",
    "0 0 1 * *",
    "5 0 13 * fri",
    "0 2 l * *",
    "30 2 * mar,oct sun#2",
)
INTERVALS = ("*/30 * * * *", "15 * * * *", "*/7 1-3 * * *", "0 */2 * * *", "* 2 * * 0")
START = datetime(2026, 1, 10, 12, tzinfo=UTC)
END = START + timedelta(days=400)


def ms(text: str) -> int:
    """``2026-03-08 07:00`` in UTC as milliseconds since the epoch."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def utc(moment_ms: int) -> str:
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%Y-%m-%d %H:%M}"


def fires(expression: str, zone: str, after: str, n: int) -> list[str]:
    return [utc(moment) for moment in Cron.parse(expression, zone).preview(ms(after), n)]


def fires_until(cron: Cron, start_ms: int, end_ms: int) -> list[int]:
    moments: list[int] = []
    moment = cron.next_after(start_ms)
    while moment <= end_ms:
        moments.append(moment)
        moment = cron.next_after(moment)
    return moments


def oracle(expression: str, zone: str, start: datetime, end: datetime) -> list[int]:
    """The same stretch by cronsim, another implementation of Debian's rules."""
    moments: list[int] = []
    for moment in CronSim(expression, start.astimezone(ZoneInfo(zone))):
        moments.append(int(moment.timestamp() * 1000))
        if moments[-1] > end.timestamp() * 1000:
            return moments[:-1]
    return moments


def every_minute(expressions: tuple[str, ...], zone: str, start: datetime) -> dict[str, list[int]]:
    """Four days of interval schedules, by looking at each real minute's wall time."""
    rules = {expression: CronSim(expression, start) for expression in expressions}
    moments: dict[str, list[int]] = {expression: [] for expression in expressions}
    for minute in range(1, 4 * 1440 + 1):
        moment = start + timedelta(minutes=minute)
        wall = moment.astimezone(ZoneInfo(zone))
        for expression, rule in rules.items():
            if wall.minute in rule.minutes and wall.hour in rule.hours and rule.match_day(wall):
                moments[expression].append(milliseconds(moment))
    return moments


def changes(zone: str) -> list[datetime]:
    """Days between START and END whose offset is not the next day's."""
    days = [START + timedelta(days=number) for number in range(400)]
    offsets = [day.astimezone(ZoneInfo(zone)).utcoffset() for day in days]
    pairs = zip(days, pairwise(offsets), strict=False)
    return [day for day, (here, there) in pairs if here != there]


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize("zone", ZONES)
def test_400_days_of_daily_and_rarer_schedules_equal_the_oracle(zone: str) -> None:
    for expression in DAILY_OR_RARER:
        ours = fires_until(Cron.parse(expression, zone), milliseconds(START), milliseconds(END))
        assert ours == oracle(expression, zone, START, END), expression


@pytest.mark.parametrize("zone", ZONES)
def test_interval_schedules_run_on_every_matching_real_minute_around_clock_changes(
    zone: str,
) -> None:
    for day in [START, *changes(zone)]:
        start = day - timedelta(days=1)
        for expression, expected in every_minute(INTERVALS, zone, start).items():
            end = milliseconds(start + timedelta(days=4))
            ours = fires_until(Cron.parse(expression, zone), milliseconds(start), end)
            assert ours == expected, (expression, day)


@pytest.mark.parametrize(
    ("zone", "expression", "after", "expected"),
    [
        # New York: 2:00 → 3:00 on 8 March at 07:00Z, 2:00 → 1:00 on 1 November at 06:00Z
        (
            "America/New_York",
            "30 2 * * *",
            "2026-03-08 00:00",
            ["2026-03-08 07:00", "2026-03-09 06:30"],
        ),
        (
            "America/New_York",
            "30 1 * * *",
            "2026-11-01 00:00",
            ["2026-11-01 05:30", "2026-11-02 06:30"],
        ),
        (
            "America/New_York",
            "*/30 * * * *",
            "2026-11-01 05:30",
            ["2026-11-01 06:00", "2026-11-01 06:30", "2026-11-01 07:00"],
        ),
        ("America/New_York", "0 6 * * mon", "2026-11-01 12:00", ["2026-11-02 11:00"]),
        # London: 1:00 → 2:00 on 29 March at 01:00Z, 2:00 → 1:00 on 25 October at 01:00Z
        (
            "Europe/London",
            "30 1 * * *",
            "2026-03-28 12:00",
            ["2026-03-29 01:00", "2026-03-30 00:30"],
        ),
        (
            "Europe/London",
            "30 1 * * *",
            "2026-10-24 12:00",
            ["2026-10-25 00:30", "2026-10-26 01:30"],
        ),
        (
            "Europe/London",
            "*/30 * * * *",
            "2026-10-25 00:30",
            ["2026-10-25 01:00", "2026-10-25 01:30", "2026-10-25 02:00"],
        ),
        ("Europe/London", "0 6 * * mon", "2026-10-25 12:00", ["2026-10-26 06:00"]),
        # Lord Howe moves by half an hour: 2:00 → 2:30 on 4 October, 2:00 → 1:30 on 5 April
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2026-10-03 12:00",
            ["2026-10-03 15:30", "2026-10-04 15:15"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2026-04-04 12:00",
            ["2026-04-04 14:45", "2026-04-05 15:15"],
        ),
        (
            "Australia/Lord_Howe",
            "*/30 * * * *",
            "2026-04-04 14:30",
            ["2026-04-04 15:00", "2026-04-04 15:30", "2026-04-04 16:00"],
        ),
        ("Australia/Lord_Howe", "0 6 * * mon", "2026-04-05 12:00", ["2026-04-05 19:30"]),
        # Santiago, a southern zone that changes at midnight: 6 September and 5 April
        (
            "America/Santiago",
            "30 0 * * *",
            "2026-09-05 12:00",
            ["2026-09-06 04:00", "2026-09-07 03:30"],
        ),
        (
            "America/Santiago",
            "30 23 * * *",
            "2026-04-04 12:00",
            ["2026-04-05 02:30", "2026-04-06 03:30"],
        ),
        (
            "America/Santiago",
            "*/30 * * * *",
            "2026-04-05 02:30",
            ["2026-04-05 03:00", "2026-04-05 03:30", "2026-04-05 04:00"],
        ),
        ("America/Santiago", "0 6 * * mon", "2026-04-05 12:00", ["2026-04-06 10:00"]),
        # Midnights that do not exist, or exist twice
        (
            "America/Havana",
            "0 0 * * *",
            "2026-03-07 12:00",
            ["2026-03-08 05:00", "2026-03-09 04:00"],
        ),
        (
            "America/Havana",
            "0 0 * * *",
            "2026-10-31 12:00",
            ["2026-11-01 04:00", "2026-11-02 05:00"],
        ),
        ("Africa/Cairo", "0 0 * * *", "2026-04-23 12:00", ["2026-04-23 22:00", "2026-04-24 21:00"]),
        (
            "Africa/Cairo",
            "30 23 * * *",
            "2026-10-29 12:00",
            ["2026-10-29 20:30", "2026-10-30 21:30"],
        ),
        ("Asia/Beirut", "0 0 * * *", "2026-03-28 12:00", ["2026-03-28 22:00", "2026-03-29 21:00"]),
        (
            "Asia/Beirut",
            "30 23 * * *",
            "2026-10-24 12:00",
            ["2026-10-24 20:30", "2026-10-25 21:30"],
        ),
    ],
)
def test_fixed_times_run_once_a_day_and_intervals_run_through_clock_changes(
    zone: str, expression: str, after: str, expected: list[str]
) -> None:
    assert fires(expression, zone, after, len(expected)) == expected


def test_several_times_in_one_gap_run_once_right_after_it() -> None:
    assert fires("0,15,30 2,3 * * *", "America/New_York", "2026-03-08 05:00", 3) == [
        "2026-03-08 07:00",
        "2026-03-08 07:15",
        "2026-03-08 07:30",
    ]


def test_a_scheduler_that_starts_inside_the_repeated_hour_fires_nothing_again() -> None:
    assert fires("30 1 * * *", "America/New_York", "2026-11-01 06:10", 1) == ["2026-11-02 06:30"]


@pytest.mark.parametrize(
    ("zone", "after", "noons"),
    [
        ("Pacific/Apia", "2011-12-29 12:00", ["2011-12-29 22:00", "2011-12-30 22:00"]),
        ("Pacific/Kiritimati", "1994-12-30 12:00", ["1994-12-30 22:00", "1994-12-31 22:00"]),
    ],
)
def test_a_day_that_a_country_left_out_has_no_occurrence(
    zone: str, after: str, noons: list[str]
) -> None:
    assert fires("0 12 * * *", zone, after, 2) == noons
    dates = [
        datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).date()
        for moment in Cron.parse("0 12 * * *", zone).preview(ms(after), 2)
    ]
    assert dates[1] - dates[0] == timedelta(days=2)


def test_an_hourly_schedule_does_not_notice_that_a_day_was_left_out() -> None:
    moments = Cron.parse("@hourly", "Pacific/Apia").preview(ms("2011-12-30 05:30"), 12)
    assert {later - earlier for earlier, later in pairwise(moments)} == {3_600_000}


@settings(deadline=None, derandomize=True)
@given(
    zone=st.sampled_from(ZONES),
    hour=st.integers(0, 23),
    minute=st.integers(0, 59),
    start=st.integers(ms("1975-01-01"), ms("2037-01-01")),
)
def test_a_daily_job_runs_exactly_once_on_every_local_day(
    zone: str, hour: int, minute: int, start: int
) -> None:
    moments = Cron.parse(f"{minute} {hour} * * *", zone).preview(start, 20)
    dates = [datetime.fromtimestamp(moment / 1000, ZoneInfo(zone)).date() for moment in moments]
    assert moments[0] > start
    assert len(set(dates)) == len(dates)
    skipped = sum((later - earlier).days - 1 for earlier, later in pairwise(dates))
    assert skipped <= (zone == "Pacific/Kiritimati")


@settings(deadline=None, derandomize=True)
@given(zone=st.sampled_from(ZONES), start=st.integers(ms("1980-01-01"), ms("2037-01-01")))
def test_an_interval_job_runs_every_real_quarter_of_an_hour(zone: str, start: int) -> None:
    """Whole quarters: these zones' offsets have been multiples of 15 minutes since 1980."""
    moments = Cron.parse("*/15 * * * *", zone).preview(start, 300)
    assert {later - earlier for earlier, later in pairwise(moments)} == {900_000}


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("@hourly", "2026-01-01 00:00", ["2026-01-01 01:00", "2026-01-01 02:00"]),
        ("@daily", "2026-01-01 00:00", ["2026-01-02 00:00", "2026-01-03 00:00"]),
        ("@weekly", "2026-01-01 00:00", ["2026-01-04 00:00", "2026-01-11 00:00"]),
        ("@monthly", "2026-01-01 00:00", ["2026-02-01 00:00", "2026-03-01 00:00"]),
        ("@YEARLY", "2026-01-01 00:00", ["2027-01-01 00:00", "2028-01-01 00:00"]),
        ("0 0 13 * fri", "2026-02-01 00:00", ["2026-02-06 00:00", "2026-02-13 00:00"]),
        ("0 0 */2 * sun", "2026-02-01 12:00", ["2026-02-15 00:00", "2026-03-01 00:00"]),
        ("0 0 l * *", "2028-02-01 00:00", ["2028-02-29 00:00", "2028-03-31 00:00"]),
        ("0 0 * * L5", "2026-01-01 00:00", ["2026-01-30 00:00", "2026-02-27 00:00"]),
        ("0 0 * * FRI#2,mon#1", "2026-01-01 00:00", ["2026-01-05 00:00", "2026-01-09 00:00"]),
        ("0 0 * * 5#5", "2026-02-01 00:00", ["2026-05-29 00:00", "2026-07-31 00:00"]),
        ("0 0 * * sat-sun", "2026-01-01 00:00", ["2026-01-03 00:00", "2026-01-04 00:00"]),
        ("0 0 * * 7", "2026-01-01 00:00", ["2026-01-04 00:00", "2026-01-11 00:00"]),
        ("0 23-1 * * *", "2026-01-01 12:00", ["2026-01-01 23:00", "2026-01-02 00:00"]),
        ("0 0 29 2 *", "2096-03-01 00:00", ["2104-02-29 00:00"]),
        ("0 0 29 2 */7", "2088-03-01 00:00", ["2128-02-29 00:00"]),
    ],
)
def test_the_fields_mean_what_crontab_says(
    expression: str, after: str, expected: list[str]
) -> None:
    assert fires(expression, "UTC", after, len(expected)) == expected


def test_the_next_moment_is_strictly_after_the_given_one() -> None:
    cron = Cron.parse("0 2 * * *", "UTC")
    due = ms("2026-01-01 02:00")
    assert cron.next_after(due - 1) == due
    assert cron.next_after(due) == due + DAY_MS
    assert cron.next_after(due + 999) == due + DAY_MS


def test_a_preview_has_a_limit() -> None:
    cron = Cron.parse("@hourly", "UTC")
    assert len(cron.preview(0, LONGEST_PREVIEW)) == LONGEST_PREVIEW
    assert cron.preview(0, 0) == []
    for n in (-1, LONGEST_PREVIEW + 1):
        with pytest.raises(InvalidInput):
            cron.preview(0, n)


def test_the_calendars_end_is_an_error_and_not_a_wrong_moment() -> None:
    with pytest.raises(OverflowError):
        Cron.parse("0 0 29 2 *", "UTC").next_after(ms("9999-01-01"))
