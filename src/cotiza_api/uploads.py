"""A file on its way in: from a form or as a bare body, streamed, never held in memory as a whole.

Refuses files of an unknown kind, empty ones, and forms without a part named ``file``. The name that
a client gives is for people only: it is cleaned, and no path or key is made of it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, get_args

from multipart import (  # type: ignore[import-untyped]  # annotated, but not marked so
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)
from starlette.requests import Request

from cotiza_queue.errors import FieldError, InvalidInput
from cotiza_queue.jobtypes.file_analysis import FileType
from cotiza_queue.storage.body import display_name

from .bodies import CHUNK_TIMEOUT_S, UPLOAD_TIMEOUT_S, limited
from .errors import MalformedForm, UnsupportedMediaType

FILE_TYPES: tuple[str, ...] = get_args(FileType)
CONTENT_TYPES = {
    "stl": "model/stl",
    "obj": "model/obj",
    "3mf": "model/3mf",
    "step": "model/step",
    "stp": "model/step",
}
"""IANA media types, registered under ``model/``."""
FIELD = "file"
MAX_FORM_OVERHEAD = 64 * 1024
"""Bytes of a form beside the file: boundaries, headers, other fields."""
MAX_FORM_PARTS = 16


class Upload(NamedTuple):
    """``name``: fit to show; ``kind``: one of FILE_TYPES; ``body``: the bytes, at least one."""

    name: str
    kind: str
    body: AsyncIterator[bytes]


async def receive(request: Request, file_name: str | None, max_bytes: int) -> Upload:
    """The file that a request carries; its body is yet to be read.

    Raises InvalidInput, MalformedForm, TooLarge, UnsupportedMediaType, RequestTooSlow; all but the
    first two also while the body is read.
    """
    media_type, parameters = parse_options_header(request.headers.get("content-type", ""))
    chunks = limited(
        request,
        max_bytes + MAX_FORM_OVERHEAD,
        silence_s=CHUNK_TIMEOUT_S,
        whole_s=UPLOAD_TIMEOUT_S,
    )
    if media_type.lower() == "multipart/form-data":
        name, body = await _from_form(chunks, parameters.get("boundary", ""))
    elif media_type.lower().startswith(("multipart/", "application/json")):
        raise UnsupportedMediaType(
            f"{media_type!r:.80} is no way to send a file",
            remedy="Send a form with a part 'file', or the bare file with ?fileName=.",
        )
    else:
        name, body = file_name or "", chunks
    shown = display_name(name)
    kind = _kind(name, shown)
    first = await anext(body, b"")
    if not first:
        raise InvalidInput("the file is empty", fields=[FieldError(FIELD, "is empty")])
    return Upload(shown, kind, _rejoined(first, body))


def _kind(name: str, shown: str) -> str:
    if not name:
        raise InvalidInput(
            "the file has no name", fields=[FieldError("fileName", "is required with a bare file")]
        )
    kind = shown.rpartition(".")[2].lower() if "." in shown else ""
    if kind not in FILE_TYPES:
        raise InvalidInput(
            f"files like {shown!r:.80} are not read here",
            code="unsupported_file_type",
            fields=[FieldError("fileName", f"must end in one of .{', .'.join(FILE_TYPES)}")],
        )
    return kind


async def _from_form(
    chunks: AsyncIterator[bytes], boundary: str
) -> tuple[str, AsyncIterator[bytes]]:
    events = _events(chunks, boundary)
    async for event in events:
        if isinstance(event, MultipartSegment) and event.name == FIELD:
            return event.filename or "", _until_end(events)
    raise InvalidInput("the form has no file", fields=[FieldError(FIELD, "is required")])


async def _events(
    chunks: AsyncIterator[bytes], boundary: str
) -> AsyncIterator[MultipartSegment | bytes | bytearray | None]:
    """A segment's head, its pieces, then None; and again for the next segment."""
    try:
        with PushMultipartParser(boundary, max_segment_count=MAX_FORM_PARTS, strict=True) as parser:
            async for chunk in chunks:
                for event in parser.parse(chunk):
                    yield event
                if parser.closed:
                    return
    except MultipartError as error:
        raise MalformedForm(f"the form can't be read: {error}") from None


async def _until_end(
    events: AsyncIterator[MultipartSegment | bytes | bytearray | None],
) -> AsyncIterator[bytes]:
    async for event in events:
        if not isinstance(event, bytes | bytearray):
            return
        yield bytes(event)


async def _rejoined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
