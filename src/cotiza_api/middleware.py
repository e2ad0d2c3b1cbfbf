"""Around every request: an id, headers that make browsers careful, one log line, and no stack trace
for strangers.
"""

from __future__ import annotations

import re

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cotiza_queue.chance import Chance
from cotiza_queue.clock import Clock

from .auth import NOBODY, Caller
from .errors import InternalError, problem

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""Set unless a route says otherwise."""
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
        request = Request(scope, receive)
        scope["request_id"] = self._request_id(request)
        started = self._clock.monotonic()
        status = 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = scope["request_id"]
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, with_headers)
        except ClientDisconnect:
            status = 499  # nobody is there to be answered
        except Exception:
            _log.exception("request.crashed", request_id=scope["request_id"], path=scope["path"])
            if status:
                raise
            error = InternalError(
                "something went wrong on our side",
                remedy="Tell us the requestId; the log knows the rest.",
            )
            await problem(error, request)(scope, receive, with_headers)
        finally:
            milliseconds = round((self._clock.monotonic() - started) * 1000, 1)
            _tell(scope, status, milliseconds)

    def _request_id(self, request: Request) -> str:
        given = request.headers.get("x-request-id", "")
        return given if _REQUEST_ID.fullmatch(given) else self._chance.random_bytes(12).hex()


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
