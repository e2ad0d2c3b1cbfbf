"""Lead times in working days, and the day on which an offer ends."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cotiza_queue.clock import parse_iso
from cotiza_queue.processors.pricing.schedule import (
    Production,
    lead_days,
    production_days,
    production_hours,
    valid_until,
)


@pytest.mark.parametrize(
    ("created", "until"),
    [
        ("2026-11-23T14:25:06Z", "2026-12-23"),
        ("2026-11-24T05:59:59Z", "2026-12-23"),  # still the 23rd in Mexico City
        ("2026-11-24T06:00:00Z", "2026-12-24"),
        ("2028-01-31T12:00:00Z", "2028-03-01"),  # a leap year
    ],
)
def test_an_offer_holds_thirty_days_in_the_price_lists_time_zone(
    catalogue, created: str, until: str
) -> None:
    assert valid_until(parse_iso(created), catalogue.terms) == until


def test_batches_run_side_by_side_on_all_machines(catalogue) -> None:
    fff = catalogue.processes["fff"]  # six printers, ten minutes of set-up
    hours = [production_hours(fff, 3600, 0, 10, quantity) for quantity in (1, 10, 60, 61)]
    batch = Decimal(10) / 60 + 10
    assert hours == [Decimal(10) / 60 + 1, batch, batch, 2 * batch]


def test_days_begin_when_the_machines_hours_of_a_day_are_used_up(catalogue) -> None:
    fff = catalogue.processes["fff"]
    hours = ("0.1", "20", "20.1", "40")
    assert [production_days(fff, Decimal(hour)) for hour in hours] == [1, 1, 2, 2]


def test_lines_of_one_process_queue_and_other_processes_run_beside_them(catalogue) -> None:
    def need(process: str, hours: int, extra: int = 0) -> Production:
        return Production(
            process_key=process,
            process=catalogue.processes[process],
            hours=Decimal(hours),
            extra_days=extra,
        )

    fff, cnc = need("fff", 15), need("cnc", 9, extra=3)
    assert lead_days([fff], rush=False) == 2 + 1
    assert lead_days([fff, fff], rush=False) == 2 + 2
    assert lead_days([cnc], rush=False) == 4 + 3 + 1
    assert lead_days([fff, fff, cnc], rush=False) == 4 + 3 + 1
    assert lead_days([fff, fff, cnc], rush=True) == 2 + 3 + 1
