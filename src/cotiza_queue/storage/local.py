"""Files in a folder of this machine: the default store.

One stored file is one file on disk, ``<root>/<tenant>/<kind>/<name>``: the body, then what is known
of it as JSON, then twelve bytes that say how long the JSON is. So body and knowledge appear, change
and vanish together, with one rename, and a file that was cut short is noticed. Files being written
lie in ``<root>/~incoming`` under a lock; ``~`` is not in the alphabet of keys, so no tenant can
reach them. What a killed process left there is removed by the next one that writes: the lock of a
dead writer is free.

Refuses to follow a symbolic link below its root, and to store anything there that it did not write
to its end.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import stat
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path

import msgspec

from ..errors import CotizaError, NotFound, PermanentError, RetryableError
from .body import Meter, check_content_type, display_name, pieces
from .offload import in_thread
from .protocol import CHUNK_BYTES, BlobInfo, check_key

INCOMING = "~incoming"
MAX_DRAFT_NAMES = 1000
"""How many taken names a writer passes over before it gives up; names repeat only across machines
or crashes.
"""

_TAIL = struct.Struct(">8sI")
_MAGIC = b"cotiza\x00\x01"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
_REFUSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.EISDIR})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe that somebody put there would wait for ever.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class _Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON behind the body."""

    size: int
    sha256: str
    content_type: str
    name: str


class LocalStore:
    """A ``BlobStore`` under ``root``, which is made on the first write (readable by its owner
    only).

    Several processes may share one root. Beside the protocol's errors: PermanentError
    ``storage_corrupt`` for a file that was changed from outside, ``storage_forbidden`` if the
    folder may not be used; RetryableError ``storage_full`` when the disk is full,
    ``storage_unavailable`` when it fails.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count()
        self._swept = False

    async def put(
        self,
        key: str,
        body: bytes | AsyncIterator[bytes],
        *,
        name: str,
        content_type: str,
        max_bytes: int | None = None,
    ) -> BlobInfo:
        check_key(key)
        check_content_type(content_type)
        meter = Meter(max_bytes)
        draft = _Draft()
        try:
            await in_thread(self._start, draft)
            async with aclosing(pieces(body)) as parts:
                async for piece in parts:
                    await in_thread(draft.write, piece, meter)
            facts = _Facts(
                size=meter.size,
                sha256=meter.sha256,
                content_type=content_type,
                name=display_name(name),
            )
            await in_thread(self._publish, draft, key, facts)
        finally:
            await in_thread(self._discard, draft)
        return _info(key, facts)

    async def info(self, key: str) -> BlobInfo:
        file = _StoredFile(self._root, key)
        try:
            return _info(key, await in_thread(file.open))
        finally:
            file.close()

    async def open(self, key: str) -> AsyncIterator[bytes]:
        file = _StoredFile(self._root, key)
        try:
            facts = await in_thread(file.open)
            for start in range(0, facts.size, CHUNK_BYTES):
                yield await in_thread(file.read, start, min(CHUNK_BYTES, facts.size - start))
        finally:
            file.close()

    async def delete(self, key: str) -> bool:
        return await in_thread(self._delete, check_key(key))

    async def close(self) -> None:
        """Nothing is held between calls."""

    # What follows blocks and runs in threads.

    def _start(self, draft: _Draft) -> None:
        with _explained():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _folder(self._root, [INCOMING], create=True) as folder:
                if not self._swept:
                    _sweep(folder)
                    self._swept = True
                draft.open(folder, self._numbers)

    def _publish(self, draft: _Draft, key: str, facts: _Facts) -> None:
        *folders, name = key.split("/")
        with (
            _explained(),
            _folder(self._root, [INCOMING]) as incoming,
            _folder(self._root, folders, create=True) as target,
        ):
            text = msgspec.json.encode(facts)
            draft.append(text + _TAIL.pack(_MAGIC, len(text)))
            os.fsync(draft.descriptor)
            os.replace(draft.name, name, src_dir_fd=incoming, dst_dir_fd=target)
            draft.name = ""
            os.fsync(target)

    def _discard(self, draft: _Draft) -> None:
        if draft.name:
            with suppress(OSError), _folder(self._root, [INCOMING]) as incoming:
                os.unlink(draft.name, dir_fd=incoming)
        draft.close()

    def _delete(self, key: str) -> bool:
        *folders, name = key.split("/")
        try:
            with _folder(self._root, folders) as folder:
                os.unlink(name, dir_fd=folder)
                os.fsync(folder)
        except OSError as error:
            if error.errno in _ABSENT:
                return False
            raise _explanation(error) from error
        return True


class _Draft:
    """A file that is being written. ``name`` is empty before it exists and after it has moved to
    its place.
    """

    def __init__(self) -> None:
        self.name = ""
        self.descriptor = -1

    def open(self, folder: int, numbers: Iterator[int]) -> None:
        for _ in range(MAX_DRAFT_NAMES):
            name = f"{os.getpid()}-{next(numbers)}"
            try:
                self.descriptor = os.open(name, _WRITE, 0o600, dir_fd=folder)
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (FileExistsError, BlockingIOError):
                self.close()
                continue
            if os.fstat(self.descriptor).st_nlink:  # else a sweep came between the two calls above
                self.name = name
                return
            self.close()
        raise RetryableError("no free name to write a file under", code="storage_unavailable")

    def write(self, piece: bytes, meter: Meter) -> None:
        meter.add(piece)
        with _explained():
            self.append(piece)

    def append(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self.descriptor, left) :]

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class _StoredFile:
    """A stored file, open for reading: a later put or delete under the same key does not disturb
    it.
    """

    def __init__(self, root: Path, key: str) -> None:
        self._root = root
        self._key = check_key(key)
        self._descriptor = -1

    def open(self) -> _Facts:
        *folders, name = self._key.split("/")
        try:
            with _folder(self._root, folders) as folder:
                self._descriptor = os.open(name, _READ, dir_fd=folder)
            return self._facts()
        except OSError as error:
            if error.errno in _ABSENT:
                raise NotFound("no such file") from None
            raise _explanation(error) from error

    def read(self, start: int, length: int) -> bytes:
        with _explained():
            data = os.pread(self._descriptor, length, start)
        if len(data) != length:
            raise _corrupt(self._key)
        return data

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _facts(self) -> _Facts:
        state = os.fstat(self._descriptor)
        if not stat.S_ISREG(state.st_mode):
            raise NotFound("no such file")
        try:
            tail_at = state.st_size - _TAIL.size
            magic, length = _TAIL.unpack(os.pread(self._descriptor, _TAIL.size, max(tail_at, 0)))
            text = os.pread(self._descriptor, min(length, CHUNK_BYTES), max(tail_at - length, 0))
            facts = msgspec.json.decode(text, type=_Facts)
        except (struct.error, msgspec.DecodeError):
            raise _corrupt(self._key) from None
        if magic != _MAGIC or facts.size + length != tail_at:
            raise _corrupt(self._key)
        return facts


@contextmanager
def _folder(root: Path, segments: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """The descriptor of a folder below the root, reached step by step so that no link is followed.

    The root itself may be a link: where it lies is the operator's choice.
    """
    descriptor = os.open(root, _FOLDER)
    try:
        for segment in segments:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(segment, 0o700, dir_fd=descriptor)
                    os.fsync(descriptor)
            below = os.open(segment, _FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def _sweep(folder: int) -> None:
    """Remove what dead writers left: a living one holds the lock of its file."""
    for name in os.listdir(folder):
        with suppress(OSError):
            descriptor = os.open(name, _READ, dir_fd=folder)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(name, dir_fd=folder)
            finally:
                os.close(descriptor)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _explanation(error) from error


def _explanation(error: OSError) -> CotizaError:
    if error.errno in _FULL:
        return RetryableError(
            "there is no room left for files",
            code="storage_full",
            remedy="Free disk space or move the data folder.",
        )
    if error.errno in _REFUSED or error.errno in _ABSENT:
        return PermanentError(
            f"the folder for files can't be used: {error.strerror}",
            code="storage_forbidden",
            remedy="Check the owner and mode of the data folder, and that it holds no links.",
        )
    return RetryableError(f"the disk failed: {error.strerror}", code="storage_unavailable")


def _corrupt(key: str) -> PermanentError:
    return PermanentError(
        f"the stored file {key} is not as it was written",
        code="storage_corrupt",
        remedy="Upload the file again, and check the disk.",
    )


def _info(key: str, facts: _Facts) -> BlobInfo:
    return BlobInfo(
        key=key,
        size=facts.size,
        sha256=facts.sha256,
        content_type=facts.content_type,
        name=facts.name,
    )
