"""The application: routes, what is around them, and what is opened before the first request and
closed after the last.

Refuses to be made without a key to check tokens with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from cotiza_queue import Settings
from cotiza_queue.chance import Chance, SystemChance
from cotiza_queue.clock import Clock, SystemClock
from cotiza_queue.wiring import open_queue, open_store

from . import auth
from .jwks import JwksKeys
from .middleware import Around
from .operation import AnyOperation, Services, routes
from .routes import dead_letters, docs, files, health, jobs, queues, recurring
from .sse import Encoder

OPERATIONS: tuple[AnyOperation, ...] = (
    *health.OPERATIONS,
    *queues.OPERATIONS,
    *recurring.OPERATIONS,
    *jobs.OPERATIONS,
    *dead_letters.OPERATIONS,
    *files.OPERATIONS,
)
"""Every operation, fixed paths before those with parameters."""


class Application(Starlette):
    """Starlette's, with one layer around its routes. A path without parameters is looked up; only
    the others are searched for.
    """

    def __init__(
        self, routes: Sequence[Route], lifespan: Lifespan[Starlette], clock: Clock, chance: Chance
    ) -> None:
        super().__init__(routes=routes, lifespan=lifespan)
        self.router.redirect_slashes = False
        self._fixed = {route.path: route for route in routes if not route.param_convertors}
        self._clock = clock
        self._chance = chance

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through, without what Starlette adds for others."""
        return Around(self._route, self._clock, self._chance)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._fixed.get(scope.get("path", ""))
        if route is None:
            await self.router(scope, receive, send)
        else:
            await route.handle(scope, receive, send)


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
                    encode=Encoder(settings.public_url).encode,
                )
                yield
        except Exception as error:
            app.state.failure = error
            raise
        finally:
            stopping.set()
            await store.close()

    described = [*routes(OPERATIONS), *docs.routes(OPERATIONS, settings)]
    app = Application(described, lifespan, clock, chance)
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
