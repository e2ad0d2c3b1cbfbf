"""Large payloads and results lie in a store of files; Redis holds where, how large, and a checksum.

The engine knows of the store only what ``Blobs`` says. What nobody refers to any more is named by
the scripts (lua/lib/41_litter.lua) and deleted by the role ``Litter``, at least once.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from ..chance import Chance
from ..errors import CotizaError, NotFound, PermanentError, RetryableError
from ..model.job import Blob, Job
from ..store import codec
from ..store.asked import Intake
from ..store.commands import Commands

OFFLOAD_BYTES = 32 * 1024
"""Payloads and results above it lie in the store, where there is one."""
_CONTENT_TYPE = "application/json"
_PAGE = 100
_PAUSE_S = 5.0
_MARK_BYTES = 10


class Blobs(Protocol):
    """What the engine needs of a store of files. Keys are ``<tenant>/jobs/<name>``. Errors:
    NotFound, RetryableError where the store can't be reached. ``storage.BlobStore`` is one.
    """

    async def put(self, key: str, body: bytes, *, name: str, content_type: str) -> object: ...

    def open(self, key: str) -> AsyncIterator[bytes]: ...

    async def delete(self, key: str) -> bool: ...


class Offload:
    """Moves large content to the store and back; up to ``from_bytes`` it stays in Redis."""

    def __init__(self, blobs: Blobs, chance: Chance, from_bytes: int) -> None:
        self.blobs = blobs
        self.from_bytes = from_bytes
        self._chance = chance

    async def lighten(self, intake: Intake) -> Intake:
        """The job with its payload in the store, if that is large. Each call stores it under a name
        of its own, so that what a call that made no job has stored can be deleted.
        """
        if len(intake.body) <= self.from_bytes:
            return intake
        body = codec.decode_body(intake.body)
        blob = await self.store(intake.tenant, f"{intake.id}.payload", body.payload)
        light = msgspec.structs.replace(body, payload=b"", blob=blob)
        return msgspec.structs.replace(intake, body=codec.encode_body(light), blob=blob.key)

    async def result(self, tenant: str, job_id: str, token: int, data: bytes) -> bytes:
        """What is to be kept of a result in Redis: itself, or where it lies."""
        if len(data) <= self.from_bytes:
            return data
        return codec.encode_stored(await self.store(tenant, f"{job_id}.result-{token}", data))

    async def store(self, tenant: str, name: str, data: bytes) -> Blob:
        # Short, so that Redis keeps the job's hash as a listpack: at most 64 bytes a value.
        key = f"{tenant}/jobs/{self._chance.random_bytes(_MARK_BYTES).hex()}"
        blob = Blob(key, len(data), await _sha256(data))
        await self.blobs.put(key, data, name=f"{name}.json", content_type=_CONTENT_TYPE)
        return blob

    async def load(self, blob: Blob) -> bytes:
        """The content. Raises PermanentError (``offload_damaged``) if it is gone or another;
        RetryableError if the store can't be reached.
        """
        data = bytearray()
        try:
            async for chunk in self.blobs.open(blob.key):
                data += chunk
                if len(data) > blob.size:
                    break
        except NotFound:
            raise _damaged(blob, "is no longer in the store") from None
        whole = bytes(data)
        if len(whole) != blob.size or await _sha256(whole) != blob.sha256:
            raise _damaged(blob, "is not what was stored")
        return whole

    async def forget(self, key: str) -> None:
        """Delete what surely nobody refers to; if the store is away, it stays."""
        try:
            await self.blobs.delete(key)
        except CotizaError:
            return


async def loaded(offload: Offload | None, job: Job) -> Job:
    """The job with its large payload and result. Raises as ``Offload.load``."""
    if job.payload_blob is not None:
        data = await content(offload, job.payload_blob)
        job = msgspec.structs.replace(job, payload=codec.decode_json(data), payload_blob=None)
    if job.result_blob is not None:
        data = await content(offload, job.result_blob)
        job = msgspec.structs.replace(job, result=codec.decode_json(data), result_blob=None)
    return job


async def content(offload: Offload | None, blob: Blob) -> bytes:
    """The content, also where nobody has handed in a store: that is an error that may pass."""
    if offload is None:
        raise RetryableError(
            f"{blob.key} lies in a store of files, and there is none here",
            code="offload_unavailable",
            remedy="Hand the store in that the jobs were enqueued with: blobs=….",
        )
    return await offload.load(blob)


class Litter:
    """Deletes stored content that nobody refers to any more."""

    name = "litter"

    def __init__(self, commands: Commands, job_type: str, blobs: Blobs) -> None:
        self._commands = commands
        self._job_type = job_type
        self._blobs = blobs

    async def tick(self) -> float:
        keys = await self._commands.discarded(self._job_type, _PAGE, [])
        while keys:
            for key in keys:
                await self._blobs.delete(key)
            keys = await self._commands.discarded(self._job_type, _PAGE, keys)
        return _PAUSE_S


async def _sha256(data: bytes) -> str:
    """Beside the event loop: a large one takes a while."""
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())


def _damaged(blob: Blob, what: str) -> PermanentError:
    return PermanentError(
        f"the content {blob.key} {what}",
        code="offload_damaged",
        remedy="Enqueue the job again with its payload.",
        details={"key": blob.key, "bytes": blob.size},
    )
