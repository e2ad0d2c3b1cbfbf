"""The application: routes, what is around them, and what is opened before the first request and
closed after the last.

Refuses to be made without a key to check tokens with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from cotiza_queue import Settings
from cotiza_queue.chance import Chance, SystemChance
from cotiza_queue.clock import Clock, SystemClock
from cotiza_queue.errors import CotizaError
from cotiza_queue.wiring import open_queue, open_store

from . import auth
from .errors import MalformedJson, MethodNotAllowed, RouteNotFound, problem
from .jwks import JwksKeys
from .middleware import Around
from .operation import AnyOperation, Services, allowed, routes
from .routes import dead_letters, docs, files, health, jobs, queues, recurring

OPERATIONS: tuple[AnyOperation, ...] = (
    *health.OPERATIONS,
    *queues.OPERATIONS,
    *recurring.OPERATIONS,
    *jobs.OPERATIONS,
    *dead_letters.OPERATIONS,
    *files.OPERATIONS,
)
"""Every operation, fixed paths before those with parameters."""


def create_app(
    settings: Settings, *, clock: Clock | None = None, chance: Chance | None = None
) -> Starlette:
    """The application. ``app.state.stopping`` is an event that a server sets before it closes its
    connections; ``app.state.failure`` is why the lifespan could not begin.

    Raises ConfigurationError for a missing or unsafe key.
    """
    clock, chance = clock or SystemClock(), chance or SystemChance()
    gate = open_gate(settings, clock)
    stopping = asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        store = open_store(settings)
        try:
            async with open_queue(settings, store) as queue:
                app.state.services = Services(
                    settings=settings,
                    queue=queue,
                    store=store,
                    gate=gate,
                    clock=clock,
                    chance=chance,
                    stopping=stopping,
                )
                yield
        except Exception as error:
            app.state.failure = error
            raise
        finally:
            stopping.set()
            await store.close()

    app = Starlette(
        routes=[*routes(OPERATIONS), *docs.routes(OPERATIONS, settings)],
        middleware=[Middleware(Around, clock, chance)],
        exception_handlers={CotizaError: _answer, HTTPException: _answer_http},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.settings = settings
    app.state.stopping = stopping
    return app


def open_gate(settings: Settings, clock: Clock) -> auth.Gate:
    """The check of tokens that the settings ask for. Raises ConfigurationError."""
    auth.check_settings(settings)
    keys: auth.KeySource
    if settings.jwks_url is not None:
        keys = JwksKeys(settings.jwks_url, clock)
    elif settings.jwt_public_key is not None:
        keys = auth.OneKey(auth.public_key(settings.jwt_public_key))
    else:
        keys = auth.OneKey(auth.secret_key(settings.jwt_secret or ""))
    return auth.Gate(keys, clock, audience=settings.jwt_audience, issuer=settings.jwt_issuer)


async def _answer(request: Request, error: Exception) -> Response:
    return problem(cast(CotizaError, error), request)


async def _answer_http(request: Request, error: Exception) -> Response:
    """Starlette's own errors: no such route, no such method, an unreadable request."""
    refusal = cast(HTTPException, error)
    if refusal.status_code == 405:
        methods = (refusal.headers or {}).get("Allow", "").split(", ")
        refused = MethodNotAllowed(f"{request.method} is not possible here", allow=allowed(methods))
        return problem(refused, request)
    if refusal.status_code == 404:
        return problem(RouteNotFound("there is no such route", remedy="See /docs."), request)
    return problem(MalformedJson(str(refusal.detail)), request)
