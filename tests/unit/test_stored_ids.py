"""How job ids lie in Redis: short, and the same again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotiza_queue.model.ids import (
    ALPHABET,
    CHANCE_BITS,
    custom_job_id,
    new_job_id,
    occurrence_job_id,
    type_code,
)
from cotiza_queue.store import codec
from cotiza_queue.store.catalogue import RECORDS, kind_of
from cotiza_queue.store.ids import packed, public, shown, stored, words

KIND = "file-analysis"
CODE = type_code(KIND)
BYTES = 18
NOW_MS = 1_700_000_000_000
YEAR_2248_MS = 1 << 43
LAST = new_job_id(YEAR_2248_MS - 1, 0, KIND, "acme")
LATER = new_job_id(YEAR_2248_MS, 0, KIND, "acme")

ours = st.builds(
    new_job_id,
    st.integers(0, YEAR_2248_MS - 1),
    st.integers(0, (1 << CHANCE_BITS) - 1),
    st.just(KIND),
    st.text("abc.:@-", min_size=1, max_size=9),
)
theirs = st.text("0123456789ABCabcuilo_-", min_size=1, max_size=46)


@given(ours)
def test_an_id_that_we_made_takes_18_bytes_and_is_the_same_again(job_id: str) -> None:
    short = stored(job_id, KIND)
    assert (len(short), short[0] >= 0x80) == (BYTES, True)
    assert public(short, KIND) == job_id
    assert codec.bytes_of(packed(job_id, KIND)) == short


@given(ours, ours)
def test_they_lie_in_the_order_of_their_time_by_half_minutes(one: str, other: str) -> None:
    early, late = sorted((one, other))
    if moment(early) >> 15 < moment(late) >> 15:
        assert stored(early, KIND) < stored(late, KIND)


def moment(job_id: str) -> int:
    """When it was made, in milliseconds."""
    return sum(ALPHABET.index(letter) << 5 * n for n, letter in enumerate(job_id[9::-1]))


def test_the_id_of_an_occurrence_is_one_that_we_made() -> None:
    job_id = occurrence_job_id("s", NOW_MS, KIND, "acme")
    assert len(stored(job_id, KIND)) == BYTES
    assert public(stored(job_id, KIND), KIND) == job_id


@given(theirs)
def test_an_id_that_a_caller_chose_lies_as_its_text(custom: str) -> None:
    for job_id in (custom, custom_job_id(custom, "acme", KIND)):
        text = stored(job_id, KIND)
        assert text == b"#" + job_id.encode()
        assert public(text, KIND) == job_id
        assert codec.bytes_of(packed(job_id, KIND)) == text


@pytest.mark.parametrize(
    "almost",
    [
        LATER,
        LAST[:-1],
        LAST + "0",
        LAST[:-4] + type_code("another-type"),
        LAST.upper(),
        "_" + LAST[1:],
        LAST[:12] + "_" + LAST[13:],
        "+" + LAST[1:],
        " " + LAST[1:],
        LAST[:29] + " " + CODE,
        LAST[:29] + "o" + CODE,
        LAST[:29] + "é" + CODE,
        "-" * 30 + CODE,
        CODE,
        "",
        "#" * 18,
    ],
)
def test_what_is_almost_such_an_id_lies_as_its_text(almost: str) -> None:
    assert stored(almost, KIND) == b"#" + almost.encode()
    assert public(stored(almost, KIND), KIND) == almost


def test_the_last_one_of_2248_fits() -> None:
    assert stored(LAST, KIND)[:1] == b"\xff"
    assert public(stored(LAST, KIND), KIND) == LAST


def test_no_two_ids_lie_alike() -> None:
    """Marks are kept as they are: one with wrong ones is another id, which nobody has."""
    made = new_job_id(NOW_MS, 0x123456789ABCDEF01, KIND, "acme")
    near = [made[:n] + other + made[n + 1 :] for n in range(2, 30) for other in ALPHABET]
    assert len({stored(job_id, KIND) for job_id in near}) == len(set(near))


@pytest.mark.parametrize(
    "strange", [b"", b"#", b"\x80", b"\xff" * 17, b"\xff" * 19, b"x" * 18, b"\x00", b"\xc3\xa9"]
)
def test_bytes_that_are_no_id_are_shown_somehow(strange: bytes) -> None:
    assert isinstance(public(strange, KIND), str)
    assert isinstance(shown(strange, KIND), str)
    assert kind_of(strange) is None


@given(st.lists(st.one_of(ours, theirs, st.just("-")), max_size=20))
def test_ids_with_blanks_between_are_parted_again(job_ids: list[str]) -> None:
    lying = [b"-" if each == "-" else bytes(stored(each, KIND)) for each in job_ids]
    assert words(b" ".join(lying)) == lying


@given(ours, theirs)
def test_what_scripts_say_to_people_has_the_ids_that_they_know(job_id: str, custom: str) -> None:
    first, second = stored(job_id, KIND), stored(custom, KIND)
    said = b"lane:7 1-1 handed out for " + first + b", which is gone; body:" + second
    assert shown(said, KIND) == f"lane:7 1-1 handed out for {job_id}, which is gone; body:{custom}"
    assert shown(b"tag:acme/#rush of A#1", KIND) == "tag:acme/#rush of A#1"


@given(ours, theirs)
def test_the_beginning_of_an_id_names_the_hash_of_its_record(job_id: str, custom: str) -> None:
    assert kind_of(stored(job_id, KIND)[:10]) is RECORDS
    assert kind_of(stored(job_id, KIND)) is None
    assert kind_of(stored(custom, KIND)) is RECORDS
    for each in (job_id, custom):
        kind = kind_of(b"body:" + stored(each, KIND))
        assert kind is not None
        assert kind.head == "body:"
