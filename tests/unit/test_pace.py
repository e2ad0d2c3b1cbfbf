"""When a turn is worth its round trip."""

from __future__ import annotations

import pytest

from cotiza_queue.engine.pace import TURNS, Pace
from cotiza_queue.engine.settler import PAGE
from cotiza_queue.engine.slots import Slots


@pytest.mark.parametrize(
    ("slots", "page", "much"),
    [(1, 1, 1), (2, 1, 1), (3, 2, 1), (10, 5, 1), (100, 50, 7), (199, PAGE, 13), (1000, PAGE, 13)],
)
def test_a_turn_has_half_of_the_slots_and_a_page_at_the_most(
    slots: int, page: int, much: int
) -> None:
    pace = Pace(slots)
    assert (pace.page, pace.much) == (page, much)


def test_a_turn_goes_to_take_until_one_brings_less_than_it_asked_for() -> None:
    pace = Pace(10)
    assert pace.worth(0, room=1)
    assert not pace.worth(0, room=0)
    pace.sent()
    pace.over()
    pace.came(5, asked=5, reasons=pace.reasons)
    assert pace.worth(0, room=5)
    pace.came(4, asked=5, reasons=pace.reasons)
    assert not pace.worth(0, room=1)
    pace.wake()
    assert pace.worth(0, room=1)


def test_a_hint_that_overtakes_a_reply_is_not_lost() -> None:
    pace = Pace(10)
    knew = pace.reasons
    pace.sent()
    pace.wake()
    pace.over()
    pace.came(0, asked=5, reasons=knew)
    assert pace.worth(0, room=5)


def test_a_turn_that_asked_for_nothing_tells_nothing() -> None:
    pace = Pace(10)
    pace.came(0, asked=0, reasons=pace.reasons)
    assert pace.worth(0, room=1)


def test_a_second_turn_goes_only_to_settle_much_and_there_is_no_third() -> None:
    pace = Pace(100)
    pace.sent()
    assert not pace.worth(0, room=50)
    assert not pace.worth(pace.much - 1, room=50)
    assert pace.worth(pace.much, room=0)
    pace.sent()
    assert pace.under_way == TURNS
    assert not pace.worth(100, room=50)


def test_a_look_goes_in_any_case_and_once_and_alone() -> None:
    pace = Pace(2)
    pace.came(0, asked=1, reasons=pace.reasons)
    pace.sent()
    pace.look()
    assert not pace.looks
    pace.over()
    assert pace.looks
    assert pace.worth(0, room=0)
    pace.sent()
    pace.over()
    pace.came(0, asked=1, reasons=pace.reasons)
    assert not pace.worth(0, room=2)


def test_slots_that_are_asked_for_are_not_free() -> None:
    slots = Slots(10)
    slots.reserve(6)
    slots.reserve(4)
    assert (slots.free, slots.used) == (0, 0)
    slots.came(2, reserved=6)
    assert (slots.free, slots.used) == (4, 2)
    slots.came(4, reserved=4)
    slots.give_back()
    assert (slots.free, slots.used) == (5, 5)
