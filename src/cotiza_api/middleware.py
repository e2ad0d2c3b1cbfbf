"""Around every request: an id, headers that make browsers careful, an answer to every error, one
log line, and no stack trace for strangers.

It takes the place of three layers of Starlette's, which do the same for any application.
"""

from __future__ import annotations

import re

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cotiza_queue.chance import Chance
from cotiza_queue.clock import Clock

from . import headers
from .auth import NOBODY, Caller
from .errors import InternalError, problem, refusal_of

Headers = list[tuple[bytes, bytes]]

SECURITY_HEADERS: Headers = [
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
"""Set unless a route says otherwise."""
_NAMES = {name for name, _ in SECURITY_HEADERS}
_REQUEST_ID = re.compile(r"[0-9A-Za-z_.-]{1,64}")
_log = structlog.get_logger("cotiza_api")


class Around:
    """ASGI middleware. A request id that the caller or a proxy sent is kept, if it is one."""

    def __init__(self, app: ASGIApp, clock: Clock, chance: Chance) -> None:
        self._app = app
        self._clock = clock
        self._chance = chance

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["request_id"] = request_id = self._request_id(scope)
        started = self._clock.monotonic()
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _completed(message["headers"], request_id)
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            status = 499  # nobody is there to be answered
        except Exception as error:
            refusal = refusal_of(error, scope["method"])
            if refusal is None or status:
                _log.exception("request.crashed", request_id=request_id, path=scope["path"])
            if status:
                raise
            await problem(refusal or _OURS, Request(scope))(scope, receive, with_headers)
        finally:
            milliseconds = round((self._clock.monotonic() - started) * 1000, 1)
            _tell(scope, status, milliseconds)

    def _request_id(self, scope: Scope) -> str:
        given = headers.first(scope, b"x-request-id")
        return given if _REQUEST_ID.fullmatch(given) else self._chance.random_bytes(12).hex()


_OURS = InternalError(
    "something went wrong on our side", remedy="Tell us the requestId; the log knows the rest."
)


def _completed(given: Headers, request_id: str) -> Headers:
    ours = SECURITY_HEADERS
    names = {name for name, _ in given}
    if not names.isdisjoint(_NAMES):
        ours = [header for header in ours if header[0] not in names]
    return [*given, *ours, (b"x-request-id", request_id.encode())]


def _tell(scope: Scope, status: int, milliseconds: float) -> None:
    caller: Caller = scope.get("caller", NOBODY)
    _log.info(
        "request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=milliseconds,
        request_id=scope["request_id"],
        user=caller.user,
        tenant=caller.tenant,
    )
