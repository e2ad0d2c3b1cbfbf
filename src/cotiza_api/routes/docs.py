"""The documentation that a running API serves of itself: the OpenAPI document, and a page made of
it.

The page needs no network and no script: it is rendered once, at the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cotiza_queue import Settings

from ..dashboard import docs_page
from ..openapi import document
from ..operation import AnyOperation

STATIC = Path(__file__).parent.parent / "dashboard" / "static"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def routes(operations: Iterable[AnyOperation], settings: Settings) -> list[Route]:
    """``/openapi.json``, ``/docs`` and its style sheet; ``/`` leads to the page."""
    described = document(operations, settings)
    as_json = msgspec.json.encode(described)
    page = docs_page.render(described).encode()
    style = (STATIC / "docs.css").read_bytes()

    async def openapi(_: Request) -> Response:
        return Response(as_json, media_type="application/json")

    async def docs(_: Request) -> Response:
        return Response(
            page, headers={"content-security-policy": PAGE_POLICY}, media_type="text/html"
        )

    async def css(_: Request) -> Response:
        return Response(style, headers={"cache-control": "no-cache"}, media_type="text/css")

    async def home(_: Request) -> Response:
        return RedirectResponse("/docs")

    return [
        Route("/openapi.json", openapi),
        Route("/docs", docs),
        Route("/static/docs.css", css),
        Route("/", home),
    ]
