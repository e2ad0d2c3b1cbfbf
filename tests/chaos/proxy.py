"""A TCP proxy before a Redis server that can lose replies and cut connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """``lose_reply_of``: the next command with these bytes is executed, its reply never arrives."""

    def __init__(self, socket_path: str) -> None:
        self._socket_path = socket_path
        self.lose_reply_of: bytes | None = None
        self.lost = 0
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_unix_connection(self._socket_path)
        self._writers |= {writer, upstream}
        losing = False

        async def forth() -> None:
            nonlocal losing
            while data := await reader.read(1 << 16):
                if self.lose_reply_of and self.lose_reply_of in data:
                    self.lose_reply_of, losing = None, True
                upstream.write(data)
                await upstream.drain()

        async def back() -> None:
            while data := await upstream_reader.read(1 << 16):
                if losing:
                    self.lost += 1
                    writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()

        with suppress(OSError, asyncio.CancelledError):
            await asyncio.wait(
                {asyncio.ensure_future(forth()), asyncio.ensure_future(back())},
                return_when=asyncio.FIRST_COMPLETED,
            )
        for end in (writer, upstream):
            end.transport.abort()
            self._writers.discard(end)


@asynccontextmanager
async def proxy_to(socket_path: str) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy, and the URL to use instead of the server's."""
    proxy = Proxy(socket_path)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield proxy, f"redis://127.0.0.1:{port}"
    finally:
        proxy.cut()
        server.close()
