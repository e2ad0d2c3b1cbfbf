"""A limit of calls at once: the first come are the first to go, and no place is lost."""

from __future__ import annotations

import asyncio

import pytest

from cotiza_queue.store.turnstile import Turnstile

LONG_S = 60.0


async def test_so_many_pass_at_once_and_the_others_in_the_order_of_their_coming() -> None:
    stile, passed = Turnstile(2), list[int]()

    async def go(n: int) -> None:
        await stile.turn(LONG_S)
        passed.append(n)

    assert [stile.passed() for _ in range(3)] == [True, True, False]
    waiting = [asyncio.create_task(go(n)) for n in range(3)]
    await asyncio.sleep(0)
    for n in range(3):
        assert passed == list(range(n))
        stile.leave()
        assert not stile.passed()
        await waiting[n]
    stile.leave()
    assert stile.passed()


async def test_who_gives_up_at_the_moment_of_its_turn_leaves_the_place_to_the_next() -> None:
    stile = Turnstile(1)
    assert stile.passed()
    first, second, third = (asyncio.create_task(stile.turn(LONG_S)) for _ in range(3))
    await asyncio.sleep(0)
    first.cancel()
    stile.leave()
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    await third
    stile.leave()
    assert stile.passed()


async def test_patience_ends() -> None:
    stile = Turnstile(0)
    with pytest.raises(TimeoutError):
        await stile.turn(0.01)
