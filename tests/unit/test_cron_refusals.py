"""Recurring schedules: what is refused, and how the refusal names the field and the reason."""

from __future__ import annotations

import pytest

from cotiza_queue.errors import InvalidInput
from cotiza_queue.model.cron import LONGEST_EXPRESSION, Cron


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * *", "6 fields"),
        ("0 0 1 1 * 0 2030", "7 fields"),
        ("@reboot", "no such alias"),
        ("@midnight", "no such alias"),
        ("r r * * *", "minute field has 'r'"),
        ("0 R * * *", "hour field has 'r'"),
        ("H 2 * * *", "minute field has 'h'"),
        ("H(0-29)/10 * * * *", "minute field"),
        ("r(1-5) * * * *", "minute field"),
        ("0 0 ? * *", "day-of-month field has '?'"),
        ("0 0 15w * *", "day-of-month field has '15w'"),
        ("60 * * * *", "0 to 59"),
        ("0 24 * * *", "0 to 23"),
        ("0 0 0 * *", "1 to 31"),
        ("0 0 * 13 *", "1 to 12"),
        ("0 0 * * 8", "0 to 7"),
        ("0 0 * * jan", "'jan'"),
        ("0 0 * monday *", "'monday'"),
        ("-5 * * * *", "'-5'"),
        ("*/0 * * * *", "a step of 0"),
        ("*/90 * * * *", "a step of 90"),
        ("0 5-5 * * *", "write '5'"),
        ("0 0 * * 7-0", "write '7'"),
        ("0 0 * * 1/2", "write a range"),
        ("0 22-1/3 * * *", "a backward range takes no step"),
        ("0 0 mon#1 * *", "not supported"),
        ("0 0 * * mon#6", "not supported"),
        ("0 0 * * mon,fri#1", "not understood"),
        ("0 0 * * l", "'l'"),
        ("0,,5 * * * *", "''"),
        ("\u0663 * * * *", "minute field"),
        ("0\u00a00 * * *", "4 fields"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 */31 * mon#2", "never fires"),
        ("0 0 * * *" + " " * LONGEST_EXPRESSION, "longer than 128"),
    ],
)
def test_an_unusable_expression_is_refused_with_the_field_and_the_reason(
    expression: str, reason: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        Cron.parse(expression, "UTC")
    (fault,) = caught.value.fields
    assert fault.field == "cronExpression"
    assert reason in fault.message


def test_the_longest_expression_is_128_characters() -> None:
    longest = "0 0 * * *".ljust(LONGEST_EXPRESSION)
    assert Cron.parse(longest, "UTC").expression == longest


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Mars/Olympus",
        "America",
        "../etc/passwd",
        "/etc/localtime",
        "right/UTC",
        "localtime",
        "UTC\0",
        "CST6CDT,M3.2.0",
        "A" * 65,
        "America/Mexico City",
    ],
)
def test_an_unknown_time_zone_is_refused_by_its_field(zone: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Cron.parse("0 2 * * *", zone)
    assert [fault.field for fault in caught.value.fields] == ["timezone"]
