"""Names, content types, limits and pieces: what every body goes through on its way in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from cotiza_queue.errors import InvalidInput, TooLarge
from cotiza_queue.storage import body as module
from cotiza_queue.storage.body import (
    MAX_CONTENT_TYPE_CHARACTERS,
    Meter,
    check_content_type,
    display_name,
    pieces,
)
from cotiza_queue.storage.offload import in_thread
from cotiza_queue.storage.protocol import CHUNK_BYTES


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("part.stl", "part.stl"),
        ("Pieza número 3 — Ø12.step", "Pieza número 3 — Ø12.step"),
        ("零件.stl", "零件.stl"),
        ("../../x", "x"),
        ("/etc/passwd", "passwd"),
        ("C:\\x\\part.stl", "part.stl"),
        ("C:part.stl", "C_part.stl"),
        ("a\0b.stl", "ab.stl"),
        ("a\r\nContent-Type: text/html", "html"),
        ("part\u202elts.exe", "partlts.exe"),
        ("part\u200b\ufeff.stl", "part.stl"),
        ("\ud800part.stl", "part.stl"),
        ("n\u0303.stl", "\u00f1.stl"),
        (".", "file"),
        ("..", "file"),
        ("", "file"),
        ("folder/", "file"),
        ("  part.stl. ", "part.stl"),
        ('<b>"q"?*|.stl', "_b__q____.stl"),
        ("x" * 300 + ".stl", "x" * 251 + ".stl"),
        ("ñ" * 200 + ".stl", "ñ" * 125 + ".stl"),
        ("x" * 255, "x" * 255),
        ("x" * 256, "x" * 255),
        ("x." + "y" * 300, ("x." + "y" * 300)[:255]),
    ],
)
def test_a_file_name_is_shown_without_what_deceives(given: str, shown: str) -> None:
    assert display_name(given) == shown
    assert len(shown.encode()) <= 255


@pytest.mark.parametrize(
    "content_type", ["model/stl", "text/csv; charset=utf-8", 'a/b; c="d e"', "application/x+y"]
)
def test_a_media_type_is_taken_as_it_is(content_type: str) -> None:
    assert check_content_type(content_type) == content_type


@pytest.mark.parametrize(
    "content_type",
    ["", "text", "text/", "text/html\r\nX: 1", "text/html\n", "text/ñ", "a b/c", "text/plain;"],
)
def test_what_is_no_media_type_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_content_type(content_type)
    assert caught.value.fields[0].field == "contentType"


def test_a_media_type_has_a_longest_length() -> None:
    longest = "a/" + "b" * (MAX_CONTENT_TYPE_CHARACTERS - 2)
    assert check_content_type(longest) == longest
    with pytest.raises(InvalidInput):
        check_content_type(longest + "b")


@pytest.mark.parametrize("asked", [None, 10, 11, 1_000])
def test_no_limit_that_is_asked_for_exceeds_the_stores_own(
    asked: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_BLOB_BYTES", 10)
    meter = Meter(asked)
    meter.add(b"x" * 10)
    with pytest.raises(TooLarge):
        meter.add(b"x")


def test_a_limit_of_nothing_lets_nothing_in() -> None:
    meter = Meter(0)
    meter.add(b"")
    with pytest.raises(TooLarge):
        meter.add(b"x")


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
@pytest.mark.parametrize("step", [7_001, CHUNK_BYTES, 2 * CHUNK_BYTES + 3])
async def test_a_body_is_cut_into_even_pieces_however_it_came(size: int, step: int) -> None:
    whole = bytes(index % 251 for index in range(size))

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, size, step):
            yield whole[start : start + step]

    from_stream = [piece async for piece in pieces(stream())]
    assert b"".join(from_stream) == whole
    assert all(len(piece) == CHUNK_BYTES for piece in from_stream[:-1])
    assert [piece async for piece in pieces(whole)] == from_stream


async def test_a_cancelled_wait_ends_only_after_its_thread() -> None:
    begun, finish, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        finish.wait()
        ended.set()

    async def waits() -> None:
        try:
            await in_thread(work)
        finally:
            assert ended.is_set()

    task = asyncio.ensure_future(waits())
    await asyncio.to_thread(begun.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    finish.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_in_the_thread_comes_out_of_the_wait() -> None:
    def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_thread(work)
