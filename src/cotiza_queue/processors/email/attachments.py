"""The files of a mail: given in the payload as base64, or lying in the blob store under the
tenant's own prefix.

Refused: more than 5 MB together, a key of another tenant (answered exactly like a key that names
nothing), base64 that isn't. A name loses its folders and whatever can't be seen in it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from ...errors import InvalidData, InvalidInput, NotFound
from ...jobtypes.email_notification import Attachment
from ...storage import BlobStore
from ...storage.body import display_name
from ...storage.protocol import SCHEME, check_key

MAX_TOTAL_BYTES: Final = 5 * 1024 * 1024
"""Of all files of a mail before encoding; many mail servers refuse more than 10 MB encoded."""

CONTENT_TYPES: Final = {
    ".pdf": "application/pdf",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".csv": "text/csv",
    ".txt": "text/plain",
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".zip": "application/zip",
    ".stl": "model/stl",
    ".3mf": "model/3mf",
    ".step": "model/step",
    ".stp": "model/step",
}
"""By file-name ending (IANA media types); everything else is application/octet-stream."""


class AttachedFile(NamedTuple):
    """``content_type``: ``type/subtype``, never multipart or message."""

    name: str
    content_type: str
    body: bytes


async def load(
    attachments: Sequence[Attachment], blobs: BlobStore, tenant: str
) -> list[AttachedFile]:
    """All files, in order. A ``key`` may also be the whole ``file-store://`` URL of a job's result.

    Raises InvalidData that names the attachment by its path (``data.attachments[0].key``).
    """
    files: list[AttachedFile] = []
    room = MAX_TOTAL_BYTES
    for index, attachment in enumerate(attachments):
        path = f"data.attachments[{index}]"
        name = display_name(attachment.filename)
        match attachment.content, attachment.key:
            case str(content), None:
                body = _decode(content, room, path)
            case None, str(key):
                body = await _fetch(key, blobs, tenant, room, path)
            case _:
                raise _refuse(path, "give either content (base64) or key")
        room -= len(body)
        files.append(AttachedFile(name, _content_type(name), body))
    return files


def _content_type(name: str) -> str:
    return CONTENT_TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")


def _decode(content: str, room: int, path: str) -> bytes:
    if len(content) // 4 * 3 > room + 2:
        raise _too_large(path)
    try:
        body = base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise _refuse(f"{path}.content", "not base64") from None
    if len(body) > room:
        raise _too_large(path)
    return body


async def _fetch(named: str, blobs: BlobStore, tenant: str, room: int, path: str) -> bytes:
    key = named.removeprefix(SCHEME)
    missing = _refuse(f"{path}.key", "no such file", "attachment_not_found")
    try:
        check_key(key)
    except InvalidInput:
        raise missing from None
    if key.split("/", 1)[0] != tenant:
        raise missing
    body = bytearray()
    try:
        if (await blobs.info(key)).size > room:
            raise _too_large(path)
        async for chunk in blobs.open(key):
            body += chunk
    except NotFound:
        raise missing from None
    if len(body) > room:
        raise _too_large(path)
    return bytes(body)


def _too_large(path: str) -> InvalidData:
    megabytes = MAX_TOTAL_BYTES // 1024**2
    return _refuse(
        path,
        f"the files of a mail may hold {megabytes} MB together",
        "attachments_too_large",
        "Send a link to the file instead.",
    )


def _refuse(
    path: str, reason: str, code: str | None = None, remedy: str = "Correct the attachment."
) -> InvalidData:
    return InvalidData(f"{path}: {reason}", code=code, remedy=remedy, details={"fields": [path]})
