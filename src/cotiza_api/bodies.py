"""Request bodies, read with a limit and in time. Nothing is buffered past the limit, nothing
compressed is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import msgspec
from starlette.requests import Request

from cotiza_queue.errors import TooLarge

from . import headers
from .errors import MalformedJson, RequestTooSlow, UnsupportedMediaType, invalid_fields
from .schemas import Nothing

MAX_JSON_BYTES = 1024 * 1024
JSON_TIMEOUT_S = 10.0
"""A JSON body must have arrived in whole by then."""
CHUNK_TIMEOUT_S = 30.0
"""The longest silence within an upload."""
UPLOAD_TIMEOUT_S = 1800.0
ARRIVED = "cotiza.arrived"
"""The ASGI extension by which the server says that a body is there in whole: it needs no timer."""

T = TypeVar("T")


async def read_json(request: Request, kind: type[T], *, bodiless: bool = False) -> T:
    """The body as ``kind``. ``bodiless``: none at all stands for an empty object.

    Raises MalformedJson, InvalidInput (fields by path), TooLarge, UnsupportedMediaType,
    RequestTooSlow. Of a name that occurs twice in an object, the last counts.
    """
    media_type = headers.first(request.scope, b"content-type", "application/json")
    if media_type.partition(";")[0].strip().lower() != "application/json":
        raise UnsupportedMediaType(
            f"the body's type is {media_type!r:.80}", remedy="Send Content-Type: application/json."
        )
    body = await _read(request)
    return parse_json(b"{}" if bodiless and not body.strip() else body, kind)


async def read_nothing(request: Request) -> None:
    """For a request that has nothing to say: no body, or an empty object. Raises as read_json
    does for anything else, so that nobody takes a field for heard that is not.
    """
    body = await _read(request)
    if body.strip():
        parse_json(body, Nothing)


def parse_json(body: bytes | bytearray, kind: type[T]) -> T:
    """A body in hand as ``kind``. Raises MalformedJson, InvalidInput."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.ValidationError as error:
        raise invalid_fields(error, Any, "the body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error) if isinstance(error, msgspec.DecodeError) else "it can't be read"
        raise MalformedJson(f"the body is not JSON: {reason}") from None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise invalid_fields(error, kind, "the body") from None


async def _read(request: Request) -> bytearray:
    _check_head(request, MAX_JSON_BYTES)
    body = bytearray()
    arrived = ARRIVED in request.scope.get("extensions", ())
    try:
        async with asyncio.timeout(None if arrived else JSON_TIMEOUT_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_JSON_BYTES:
                    raise _too_large(MAX_JSON_BYTES)
    except TimeoutError:
        raise _too_slow() from None
    return body


async def limited(
    request: Request, max_bytes: int, *, silence_s: float, whole_s: float
) -> AsyncIterator[bytes]:
    """The body in chunks as they come.

    Raises TooLarge once more than ``max_bytes`` are announced or have come, RequestTooSlow after
    ``silence_s`` seconds without a chunk or ``whole_s`` in all, UnsupportedMediaType for a
    compressed body.
    """
    _check_head(request, max_bytes)
    chunks = request.stream().__aiter__()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + whole_s
    received = 0
    while True:
        try:
            async with asyncio.timeout_at(min(deadline, loop.time() + silence_s)):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise _too_slow() from None
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if chunk:
            yield chunk


def _check_head(request: Request, max_bytes: int) -> None:
    if headers.first(request.scope, b"content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("the body is compressed", remedy="Send it as it is.")
    announced = headers.first(request.scope, b"content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)


def _too_slow() -> RequestTooSlow:
    return RequestTooSlow("the body did not arrive in time")


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"the body is larger than {max_bytes} bytes")
