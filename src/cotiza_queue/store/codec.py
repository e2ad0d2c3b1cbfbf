"""Bytes on the Redis side, structs on ours. The only module where ``Any`` is at home."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ..errors import InvalidInput, TooLarge
from ..model.history import Kept
from ..model.job import Blob
from ..model.outcome import Failure
from ..model.policy import Defaults, JobOptions, RunRules, rules_for

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_RESULT_BYTES = 1024 * 1024
MAX_STORED_BYTES = 64 * 1024 * 1024
"""Of a payload or a result that lies in the store of files."""
_STORED = b"\0"
"""What a result begins with that only tells where the content lies; JSON never does."""


USUAL = rules_for(JobOptions(), Defaults())


class Body(msgspec.Struct, frozen=True, array_like=True):
    """What travels with a job, opaque to Redis: a version, the payload as JSON, the rules, the
    schedule.
    """

    payload: bytes
    own_rules: RunRules | None = None
    """None: USUAL, as most have it. Who changes what is usual raises ``version``."""
    priority: int = 0
    schedule_id: str | None = None
    version: int = 1
    payload_version: int = 1
    """``JobType.version`` of the program that enqueued it."""
    blob: Blob | None = None
    """Where the payload lies if it is large; ``payload`` is empty then."""

    @property
    def rules(self) -> RunRules:
        return self.own_rules or USUAL


encode_body: Callable[[Body], bytes] = msgspec.msgpack.Encoder().encode
_encode_json = msgspec.json.Encoder().encode
decode_body = msgspec.msgpack.Decoder(Body).decode
"""Raises msgspec.MsgspecError for anything that this or a compatible version did not write."""
_decode_blob = msgspec.msgpack.Decoder(Blob).decode
_decode_groups = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
decode_numbers = msgspec.msgpack.Decoder(list[int]).decode
_decode_kept = msgspec.msgpack.Decoder(Kept).decode
_decode_failure = msgspec.json.Decoder(Failure).decode
_decode_failures = msgspec.json.Decoder(tuple[Failure, ...]).decode
encode_failure = msgspec.json.Encoder().encode


def encode_payload(payload: Any, most: int = MAX_PAYLOAD_BYTES) -> bytes:
    """A payload as JSON. Raises InvalidInput if JSON has no form for it, TooLarge over ``most``
    bytes.
    """
    try:
        data = _encode_json(payload)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidInput(f"the payload is not JSON: {error}") from None
    if len(data) > most:
        raise TooLarge(
            f"the payload has {len(data):,} bytes; {most:,} are the limit",
            code="payload_too_large",
            remedy="Upload large content as a file and pass its key.",
        )
    return data


def encode_result(result: Any) -> bytes:
    """A processor's result as JSON. Raises TypeError or ValueError."""
    return msgspec.json.encode(result)


def encode_stored(blob: Blob) -> bytes:
    """What stands for a result that lies in the store of files."""
    return _STORED + encode(blob)


def decode_result(data: bytes) -> tuple[Any, Blob | None]:
    """A result as plain values, or where it lies."""
    if data.startswith(_STORED):
        return None, _decode_blob(data[len(_STORED) :])
    return decode_json(data), None


_SHORT = [bytes((0xA0 | size,)) for size in range(32)]
_HEADS = {0xD9: 2, 0xDA: 3, 0xDB: 5}
"""Bytes before a string's own, by the first of them; one for short strings."""
encode = msgspec.msgpack.Encoder().encode
"""What the scripts unpack; bytes go as ``text_of``."""


def pack_text(data: bytes) -> bytes:
    """Bytes as msgpack's older string: the scripts' msgpack knows no other bytes."""
    size = len(data)
    return (_SHORT[size] if size < 32 else b"\xdb" + size.to_bytes(4, "big")) + data


def text_of(data: bytes) -> msgspec.Raw:
    """The same, to be encoded among other values."""
    return msgspec.Raw(pack_text(data))


def bytes_of(text: msgspec.Raw | bytes) -> bytes:
    """The other way round; b"" of nothing."""
    packed = bytes(text)
    return packed[_HEADS.get(packed[0], 1) :] if packed else b""


def encode_map(fields: Mapping[Any, Any]) -> bytes:
    """A map for the scripts (they read it with cmsgpack), without what is empty; b"" if all is."""
    there = {name: value for name, value in fields.items() if value}
    return encode(there) if there else b""


def decode_json(data: bytes) -> Any:
    """JSON bytes → plain values; empty bytes → None."""
    return msgspec.json.decode(data) if data else None


def decode_failures(items: list[bytes]) -> tuple[Failure, ...]:
    return tuple(_decode_failure(item) for item in items)


def decode_failure_array(data: bytes) -> tuple[Failure, ...]:
    return _decode_failures(data)


def decode_history(entries: Iterable[bytes]) -> list[Kept]:
    """What lua/lib/38_history.lua has noted."""
    return [_decode_kept(entry) for entry in entries]


def decode_groups(data: bytes) -> Iterator[tuple[str, bytes, bytes]]:
    """An entry of an event stream as lua/lib/20_event.lua packs it: (name, data as JSON, whom it is
    about) per group of events.
    """
    flat = map(bytes_of, _decode_groups(data))
    for name, told, whom in zip(flat, flat, flat, strict=True):
        yield name.decode(), told, whom


def pairs(flat: list[bytes] | dict[bytes, bytes]) -> dict[str, str]:
    """A hash as Lua returns it, [field, value, …], as a dict of texts. What is no text (`options`)
    comes as surrogates of its bytes.
    """
    rows = flat.items() if isinstance(flat, dict) else zip(flat[::2], flat[1::2], strict=True)
    return {key.decode(): value.decode("utf-8", "surrogateescape") for key, value in rows}
