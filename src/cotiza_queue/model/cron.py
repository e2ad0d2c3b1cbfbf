"""When a recurring schedule is due: a cron expression in a time zone, and its next moments.

croniter reads the fields. Which days and which instants match is decided here, by the rules of
Debian's cron (its manual page cron(8) on daylight saving time), because croniter's own clock fires
a fixed-time job twice on the autumn night:

- A *fixed-time* job (neither its minute nor its hour field begins with ``*``) runs once per local
  day. A time that the spring change skips runs at the first instant after the gap; a time that
  comes twice runs the first time.
- An *interval* job (``*/30 * * * *``, ``15 * * * *``) follows real time: it runs in both passes of
  a repeated hour, and not at all in an hour that does not exist.
- A forward jump of more than three hours (Samoa left out 30 December 2011) changes the calendar,
  not the clock: the times in it never existed, and nothing is made up for.

A day matches if day-of-month **or** day-of-week matches; it needs **both** if either field begins
with ``*`` (crontab(5)). ``L`` is the month's last day, ``fri#2`` its second Friday, ``L5`` its
last Friday.

Refused, with the reason: seconds and years, ``R`` and ``H`` (every scheduler would pick another
time), ``?``, ``W``, a step longer than its field (``*/90`` is not every 90 minutes), ``5-5``
(croniter would read the whole field), and an expression that never fires, like 30 February.
A schedule fires at most once a minute.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import product
from typing import NamedTuple, NoReturn
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from cotiza_queue.errors import FieldError, InvalidInput

LONGEST_EXPRESSION = 128
"""Characters."""
LONGEST_PREVIEW = 1000
SEARCH_DAYS = 41 * 366
"""The rarest day that exists, a Sunday 29 February across the year 2100, comes after 40 years."""
LONGEST_GAP = timedelta(hours=3)
"""cron(8) of Debian: a larger change is a correction of the clock, and holds at once."""

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
}
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall times are naive here; the zone is applied by _instant
_ELEMENT = re.compile(
    r"(?P<low>\*|[0-9a-z]+)(-(?P<high>[0-9a-z]+))?(/(?P<step>\d+))?(#[1-5])?", re.ASCII
)
_LAST = 32
"""Among days of the month: its last day. Among weekdays: the month's last one."""
_NOT_ZONES = ("posix/", "right/", "localtime", "posixrules", "Factory")


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    """Names of the values from ``low`` on."""

    def number(self, text: str) -> int | None:
        if text.isdecimal():
            return int(text)
        return self.words.index(text) + self.low if text in self.words else None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day-of-month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 0, 7, _WEEKDAYS),
)
_DAY_OF_MONTH, _DAY_OF_WEEK = _FIELDS[2], _FIELDS[4]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A parsed expression, made by ``Cron.parse``. Moments are milliseconds since the epoch."""

    expression: str
    timezone: str
    fixed_time: bool
    """True: once per local day and time of day. False: by real intervals."""
    _zone: ZoneInfo = field(repr=False, compare=False)
    _times: tuple[int, ...] = field(repr=False, compare=False)
    """Matching minutes of the day, 0–1439, ascending."""
    _days: frozenset[int] = field(repr=False, compare=False)
    _last_day: bool = field(repr=False, compare=False)
    _months: frozenset[int] = field(repr=False, compare=False)
    _weekdays: frozenset[int] = field(repr=False, compare=False)
    """0 is Sunday."""
    _nth_weekdays: frozenset[tuple[int, int]] = field(repr=False, compare=False)
    """(weekday, 1–5 or _LAST): when not empty, these alone are the weekdays that match."""
    _both: bool = field(repr=False, compare=False)
    """Day-of-month and day-of-week must both match; otherwise one is enough."""

    @classmethod
    def parse(cls, expression: str, timezone: str) -> Cron:
        """``expression``: five fields or an alias. ``timezone``: an IANA name (``Asia/Tokyo``).

        Raises InvalidInput that names ``cronExpression`` or ``timezone`` and says what is wrong.
        """
        zone = _zone(timezone)
        if len(expression) > LONGEST_EXPRESSION:
            _refuse(f"longer than {LONGEST_EXPRESSION} characters")
        text = expression.strip().lower()
        if text.startswith("@") and text not in ALIASES:
            _refuse(f"no such alias; there are {', '.join(ALIASES)}")
        columns = re.findall(r"\S+", ALIASES.get(text, text), re.ASCII)
        if len(columns) != len(_FIELDS):
            _refuse(
                f"it has {len(columns)} fields instead of 5: minute, hour, day-of-month, month, "
                "day-of-week (no seconds, no years)"
            )
        parsed = [_expand(index, column) for index, column in enumerate(columns)]
        (minutes, _), (hours, _), (days, _), (months, _), (weekdays, nth) = parsed
        cron = cls(
            expression=expression,
            timezone=timezone,
            fixed_time=not (columns[0].startswith("*") or columns[1].startswith("*")),
            _zone=zone,
            _times=tuple(sorted(hour * 60 + minute for hour, minute in product(hours, minutes))),
            _days=days - {_LAST},
            _last_day=_LAST in days,
            _months=months,
            _weekdays=weekdays,
            _nth_weekdays=nth,
            _both=columns[2].startswith("*") or columns[4].startswith("*"),
        )
        if cron._next_wall(datetime(2000, 1, 1)) is None:  # noqa: DTZ001 - a wall time
            _refuse("it never fires: no such day exists")
        return cron

    def next_after(self, moment_ms: int) -> int:
        """The first due moment strictly after ``moment_ms``.

        Raises OverflowError near the calendar's end (year 9999).
        """
        second = moment_ms // 1000
        return 1000 * (self._next_fixed(second) if self.fixed_time else self._next_interval(second))

    def preview(self, after_ms: int, n: int) -> list[int]:
        """The next ``n`` (0 … LONGEST_PREVIEW) due moments after ``after_ms``, ascending."""
        if not 0 <= n <= LONGEST_PREVIEW:
            raise InvalidInput("too many", fields=[FieldError("n", f"0 to {LONGEST_PREVIEW}")])
        moments: list[int] = []
        for _ in range(n):
            moments.append(self.next_after(moments[-1] if moments else after_ms))
        return moments

    def _next_fixed(self, second: int) -> int:
        """Wall times up to the present one have had their turn, also in gaps and repeats."""
        wall = _EPOCH + timedelta(seconds=second) + self._offset(second)
        while True:
            wall = self._search(wall + timedelta(microseconds=1))
            instant = self._instant(wall)
            if instant is not None and instant > second:
                return instant

    def _next_interval(self, second: int) -> int:
        """While the zone's offset stays, wall time is real time; a change starts a new stretch."""
        start = second + 1
        while True:
            offset = self._offset(start)
            wall = self._search(_EPOCH + timedelta(seconds=start) + offset)
            instant = _seconds(wall - offset)
            changed = self._first_change(start, instant)
            if changed is None:
                return instant
            start = changed

    def _first_change(self, start: int, end: int) -> int | None:
        """The first second in (start, end] with another offset than ``start`` has, or None.

        A zone changes its offset at most once a day.
        """
        offset = self._offset(start)
        while start < end:
            step = min(start + 86_400, end)
            if self._offset(step) != offset:
                return self._change_between(start, step)
            start = step
        return None

    def _change_between(self, before: int, after: int) -> int:
        """The second at which the offset of ``before`` ends; at ``after`` it has ended."""
        offset = self._offset(before)
        while after - before > 1:
            middle = (before + after) // 2
            if self._offset(middle) == offset:
                before = middle
            else:
                after = middle
        return after

    def _instant(self, wall: datetime) -> int | None:
        """When a fixed wall time is due; None if it lies in a stretch that never existed."""
        early = self._zone.utcoffset(wall)
        late = self._zone.utcoffset(wall.replace(fold=1))
        assert early is not None  # noqa: S101 - a ZoneInfo answers for every naive time
        assert late is not None  # noqa: S101
        if early >= late:  # an ordinary time, or the first of two
            return _seconds(wall - early)
        if late - early > LONGEST_GAP:
            return None
        return self._change_between(_seconds(wall - late), _seconds(wall - early))

    def _offset(self, second: int) -> timedelta:
        offset = datetime.fromtimestamp(second, self._zone).utcoffset()
        assert offset is not None  # noqa: S101
        return offset

    def _search(self, wall: datetime) -> datetime:
        found = self._next_wall(wall)
        if found is None:
            raise OverflowError("the calendar ends before the next due moment")
        return found

    def _next_wall(self, wall: datetime) -> datetime | None:
        """The first matching wall time from ``wall`` on; None if there is none in SEARCH_DAYS."""
        start = wall.replace(second=0, microsecond=0)
        if start < wall:
            start += _MINUTE
        day = start.date()
        if self._matches(day):
            place = bisect_left(self._times, start.hour * 60 + start.minute)
            if place < len(self._times):
                return _at(day, self._times[place])
        last = min(day.toordinal() + SEARCH_DAYS, date.max.toordinal() - 32)
        while day.toordinal() < last:
            day += _DAY
            if day.month not in self._months:
                day = (day.replace(day=28) + 4 * _DAY).replace(day=1) - _DAY
            elif self._matches(day):
                return _at(day, self._times[0])
        return None

    def _matches(self, day: date) -> bool:
        if day.month not in self._months:
            return False
        by_date = day.day in self._days or (self._last_day and (day + _DAY).day == 1)
        weekday = day.isoweekday() % 7
        by_week = weekday in self._weekdays
        if by_week and self._nth_weekdays:
            last = (day + 7 * _DAY).month != day.month
            nth = (weekday, (day.day + 6) // 7)
            by_week = nth in self._nth_weekdays or (last and (weekday, _LAST) in self._nth_weekdays)
        return (by_date and by_week) if self._both else (by_date or by_week)


def _expand(index: int, column: str) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """The values that one field allows, and the (weekday, nth) pairs of a day-of-week field."""
    kind = _FIELDS[index]
    for element in column.split(","):
        _check(kind, element)
    columns = ["*"] * len(_FIELDS)
    columns[index] = column
    try:
        expanded, nth = croniter.expand(" ".join(columns))
    except CroniterError:
        _refuse(f"the {kind.name} field {column!r} is not understood")
    values = list(expanded[index])
    if values == ["*"]:
        values = list(range(kind.low, kind.high + 1))
    numbers = frozenset(_LAST if value == "l" else int(value) for value in values)
    return numbers, frozenset(
        (int(day), _LAST if which == "l" else which)
        for day, several in nth.items()
        for which in several
    )


def _check(kind: _Field, element: str) -> None:
    """Refuse what croniter would take in a sense of its own, and name the field that is wrong."""
    if (kind is _DAY_OF_MONTH and element == "l") or (
        kind is _DAY_OF_WEEK and re.fullmatch(r"l[0-7]", element, re.ASCII)
    ):
        return
    parts = _ELEMENT.fullmatch(element)
    if parts is None or ("#" in element and kind is not _DAY_OF_WEEK):
        _refuse(f"the {kind.name} field has {element!r}, which is not supported")
    low, high, step = parts["low"], parts["high"], parts["step"]
    bounds = [] if low == "*" else [text for text in (low, high) if text is not None]
    numbers = [kind.number(text) for text in bounds]
    for text, number in zip(bounds, numbers, strict=True):
        if number is None:
            _refuse(f"the {kind.name} field has {text!r}, which is not a value of it")
        if not kind.low <= number <= kind.high:
            _refuse(f"the {kind.name} field has {text!r}; {kind.low} to {kind.high} is possible")
    if len(numbers) == 2 and (numbers[0] == numbers[1] or numbers == [7, 0]):
        _refuse(f"the {kind.name} field has {element!r}, a range of one; write {low!r}")
    if step is None:
        return
    if not 1 <= int(step) <= kind.high:
        _refuse(f"the {kind.name} field has a step of {step}; 1 to {kind.high} is possible")
    # Where croniter's reading of a step isn't the usual one, there is a plainer way to write it.
    if kind is _DAY_OF_WEEK and low != "*" and high is None:
        _refuse(f"the {kind.name} field has {element!r}; write a range before the step")
    if len(numbers) == 2 and (numbers[0] or 0) > (numbers[1] or 0):
        _refuse(f"the {kind.name} field has {element!r}; a backward range takes no step")


def _zone(name: str) -> ZoneInfo:
    if not 1 <= len(name) <= 64 or name.startswith(_NOT_ZONES):
        _refuse_zone()
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        _refuse_zone()


def _at(day: date, minute_of_day: int) -> datetime:
    return datetime(day.year, day.month, day.day, *divmod(minute_of_day, 60))  # noqa: DTZ001 - a wall time


def _seconds(utc: datetime) -> int:
    """Seconds since the epoch of a naive UTC time."""
    return (utc - _EPOCH) // timedelta(seconds=1)


def _refuse(reason: str) -> NoReturn:
    raise InvalidInput(
        f"the cron expression is not usable: {reason}",
        fields=[FieldError("cronExpression", reason)],
        remedy="Write five fields, such as 0 2 * * * for every day at two.",
    )


def _refuse_zone() -> NoReturn:
    reason = "no such time zone; use an IANA name such as America/Mexico_City"
    raise InvalidInput(f"the schedule's {reason}", fields=[FieldError("timezone", reason)])
