"""What is written to a connection within one turn of the event loop leaves in one piece."""

from __future__ import annotations

import asyncio

from cotiza_api.gathered import MOST_BYTES, Gathered


class Pipe(asyncio.Transport):
    """The end of a connection that keeps what is sent."""

    def __init__(self) -> None:
        super().__init__({"peername": ("somebody", 1)})
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def opened() -> tuple[Pipe, Gathered]:
    pipe = Pipe()
    return pipe, Gathered(pipe, asyncio.get_running_loop())


async def test_a_head_and_its_body_leave_together_and_the_next_answer_by_itself() -> None:
    pipe, out = opened()
    out.write(b"head ")
    out.write(b"body")
    assert pipe.sent == []
    await asyncio.sleep(0)
    assert pipe.sent == [b"head body"]
    out.write(b"next")
    await asyncio.sleep(0)
    assert pipe.sent == [b"head body", b"next"]


async def test_nothing_is_held_back_past_the_limit() -> None:
    pipe, out = opened()
    out.write(b"a" * MOST_BYTES)
    assert pipe.sent == []
    out.write(b"b")
    assert pipe.sent == [b"a" * MOST_BYTES + b"b"]
    await asyncio.sleep(0)
    assert len(pipe.sent) == 1


async def test_what_was_written_is_sent_before_the_connection_closes_and_nothing_after() -> None:
    pipe, out = opened()
    out.write(b"last words")
    out.close()
    assert (pipe.sent, pipe.closed) == ([b"last words"], True)
    out.write(b"too late")
    await asyncio.sleep(0)
    assert pipe.sent == [b"last words"]


async def test_everything_else_is_the_transports() -> None:
    pipe, out = opened()
    assert out.get_extra_info("peername") == ("somebody", 1)
    pipe.close()
    assert out.is_closing()
