"""An operation: one method on one path, who may call it, what it takes and what it answers.

The table of operations is the only list of routes: the router, the permission checks and the
OpenAPI document are made from it. What a handler gets is authenticated, allowed and parsed; what it
raises is answered in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cotiza_queue import Queue, Settings
from cotiza_queue.chance import Chance
from cotiza_queue.clock import Clock
from cotiza_queue.errors import FieldError, Forbidden, InvalidInput
from cotiza_queue.model.job import Event
from cotiza_queue.storage import BlobStore

from . import headers
from .auth import NOBODY, Caller, Gate, Role
from .bodies import read_json, read_nothing
from .errors import allowed, invalid_fields
from .schemas import Nothing

API = "/api/v1"
B = TypeVar("B")
Q = TypeVar("Q")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Services:
    """What handlers work with; opened by the application's lifespan. ``stopping`` is set when the
    server leaves.
    """

    settings: Settings
    queue: Queue
    store: BlobStore
    gate: Gate
    clock: Clock
    chance: Chance
    stopping: asyncio.Event
    encode: Callable[[Event], bytes]
    """An event as it goes over the wire."""
    in_flight: set[tuple[str, str]] = field(default_factory=set)
    """(tenant, idempotency key) of the requests that are being answered."""


class Call(msgspec.Struct, Generic[B, Q], frozen=True, kw_only=True):
    """One request, parsed. ``caller`` is NOBODY on a public route."""

    request: Request
    services: Services
    caller: Caller
    body: B
    query: Q

    @property
    def queue(self) -> Queue:
        return self.services.queue

    @property
    def public_url(self) -> str:
        """Where callers reach this API."""
        return self.services.settings.public_url

    def path(self, name: str) -> str:
        """A parameter of the path."""
        return str(self.request.path_params[name])

    def tenant(self, asked: str | None) -> str:
        """The tenant that this call is for: the token's, or the one asked for if the token reaches
        it.

        Raises Forbidden for another tenant's.
        """
        if asked is None or asked == self.caller.tenant or self.caller.platform:
            return self.caller.tenant if asked is None else asked
        raise Forbidden(
            "the token is not for that tenant",
            code="wrong_tenant",
            remedy="Leave tenantId out; it comes from the token.",
        )

    def reach(self, asked: str | None) -> str | None:
        """The tenant whose things this call is about: the one asked for, else all that the token
        reaches; None: everyone's. Raises Forbidden for another tenant's.
        """
        return self.caller.reach if asked is None else self.tenant(asked)


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[B, Q]):
    """``role``: the least that may call it, None: no token needed. ``content``: the type of an
    answer that is not JSON.

    ``upload``: the handler reads the body itself; media type → JSON schema, for the documentation.
    """

    method: str
    path: str
    handler: Callable[[Call[B, Q]], Awaitable[Response]]
    role: Role | None
    body: type[B]
    query: type[Q]
    answer: Any = None
    status: int = 200
    tag: str
    summary: str
    content: str | None = None
    upload: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bodiless: bool = False
    """The body may be left out: that is as good as an empty object."""
    idempotent: bool = False
    """Takes the header Idempotency-Key."""
    faults: tuple[int, ...] = ()
    """Statuses of the errors particular to this operation."""


AnyOperation = Operation[Any, Any]


def routes(operations: Iterable[AnyOperation]) -> list[Route]:
    """One route per path, in the order given, so that a method it lacks is answered with those it
    has.
    """
    found = []
    for path, group in groupby(operations, key=lambda operation: operation.path):
        by_method = {operation.method: operation for operation in group}
        found.append(Route(path, _Endpoint(by_method), methods=[*by_method, "OPTIONS"]))
    return found


class _Endpoint:
    """The operations of one path, as an ASGI application."""

    def __init__(self, by_method: Mapping[str, AnyOperation]) -> None:
        self._by_method = dict(by_method)
        if "GET" in by_method:
            self._by_method["HEAD"] = by_method["GET"]
        self._allow = allowed([*self._by_method, "OPTIONS"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._by_method.get(scope["method"])
        if operation is None:
            answer = Response(status_code=204, headers={"allow": self._allow})
        else:
            answer = await _call(operation, Request(scope, receive))
        await answer(scope, receive, send)


async def _call(operation: AnyOperation, request: Request) -> Response:
    services: Services = request.app.state.services
    caller = NOBODY
    if operation.role is not None:
        caller = await services.gate.admit(headers.every(request.scope, b"authorization"))
        request.scope["caller"] = caller
        if caller.role < operation.role:
            raise Forbidden(
                f"this needs the role {operation.role.name.lower()}",
                remedy=f"The token has the role {caller.role.name.lower()}.",
            )
    query = _query(request, operation.query)
    body = Nothing()
    if operation.body is not Nothing:
        body = await read_json(request, operation.body, bodiless=operation.bodiless)
    elif operation.method == "POST" and not operation.upload:
        await read_nothing(request)
    return await operation.handler(
        Call(request=request, services=services, caller=caller, body=body, query=query)
    )


def _query(request: Request, kind: type[T]) -> T:
    values = request.query_params.multi_items() if request.scope["query_string"] else []
    if len(values) != len(dict(values)):
        raise InvalidInput(
            "the query is not valid: a parameter occurs twice",
            fields=[FieldError(name, "occurs twice") for name in _twice(values)],
        )
    try:
        return msgspec.convert(dict(values), kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid_fields(error, kind, "the query") from None


def _twice(values: Iterable[tuple[str, str]]) -> list[str]:
    names = [name for name, _ in values]
    return sorted({name for name in names if names.count(name) > 1})
