"""What goes wrong at the HTTP edge, and the one shape in which every error leaves: RFC 9457
problem+json.

Errors of the queue carry their own code, status and remedy; the few below are those that only HTTP
knows. Nothing of an unexpected error but its request id reaches the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cotiza_queue import errors
from cotiza_queue.errors import CotizaError, FieldError, InvalidInput, NotFound
from cotiza_queue.wording import explain

from .answers import FieldFault, Problem

RETRY_AFTER_S: dict[int, int] = {429: 5, 503: 2}
"""Seconds after which a caller may try again, by status, where the error names none."""

_log = structlog.get_logger("cotiza_api")


class MalformedJson(CotizaError):
    """The body is not JSON."""

    code = "malformed_json"
    http_status = 400


class MalformedForm(CotizaError):
    """The body is not the multipart form that it says it is."""

    code = "malformed_form"
    http_status = 400


class Unauthorized(CotizaError):
    """No token, or none that holds."""

    code = "unauthorized"
    http_status = 401


class RouteNotFound(NotFound):
    """No such route."""

    code = "route_not_found"


class MethodNotAllowed(CotizaError):
    """The route exists, but not with this method. ``allow``: the methods it has."""

    code = "method_not_allowed"
    http_status = 405

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message, remedy=f"It takes {allow}.")
        self.allow = allow


class RequestTooSlow(CotizaError):
    """The body did not arrive in time."""

    code = "request_timeout"
    http_status = 408


class UnsupportedMediaType(CotizaError):
    """The body has a type or an encoding that the route does not read."""

    code = "unsupported_media_type"
    http_status = 415


class IdentityUnavailable(CotizaError):
    """The keys that tokens are checked with can't be fetched."""

    code = "identity_unavailable"
    http_status = 503


class InternalError(CotizaError):
    """Ours to repair. The log has the rest, under the request's id."""

    code = "internal_error"
    http_status = 500


def allowed(methods: Iterable[str]) -> str:
    """The value of an Allow header."""
    return ", ".join(sorted(methods))


def refusal_of(error: Exception, method: str) -> CotizaError | None:
    """What an error means for the caller, None if it is our own fault. Of Starlette's: no such
    route, no such method, an unreadable request.
    """
    match error:
        case CotizaError():
            return error
        case HTTPException(status_code=405):
            methods = (error.headers or {}).get("Allow", "").split(", ")
            return MethodNotAllowed(f"{method} is not possible here", allow=allowed(methods))
        case HTTPException(status_code=404):
            return RouteNotFound("there is no such route", remedy="See /docs.")
        case HTTPException():
            return MalformedJson(str(error.detail))
    return None


def problem(error: CotizaError, request: Request) -> Response:
    """An error as the answer to a request."""
    status = error.http_status
    public_url = request.app.state.settings.public_url
    detail = error.message
    if status >= 500:
        # What follows the colon is from within: a host, a socket, another program's words.
        detail = detail.partition(": ")[0]
        _log.warning("request.failed", request_id=request_id(request), reason=error.message)
    body = Problem(
        type=f"{public_url}/docs#{type(error).code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=error.code,
        request_id=request_id(request),
        status_code=status,
        message=detail,
        errors=_faults(error),
        remedy=error.remedy,
    )
    headers = {"cache-control": "no-store"}
    match error:
        case Unauthorized():
            headers["www-authenticate"] = 'Bearer realm="cotiza", error="invalid_token"'
        case MethodNotAllowed():
            headers["allow"] = error.allow
        case RequestTooSlow():
            headers["connection"] = "close"
    if (seconds := retry_after_s(error)) is not None:
        headers["retry-after"] = str(seconds)
    return Response(
        msgspec.json.encode(body), status, headers, media_type="application/problem+json"
    )


def retry_after_s(error: CotizaError) -> int | None:
    """Seconds after which the same call may be tried again; None where that would be no help."""
    wait_ms = getattr(error, "retry_after_ms", None)
    if wait_ms is None or error.http_status not in RETRY_AFTER_S:
        return RETRY_AFTER_S.get(error.http_status)
    return -(-int(wait_ms) // 1000)


def request_id(request: Request) -> str:
    """The id under which the log knows this request."""
    return str(request.scope.get("request_id", ""))


def invalid_fields(
    error: msgspec.ValidationError, kind: Any, what: str, root: str = ""
) -> InvalidInput:
    """A msgspec error as InvalidInput that names the field by its path, such as
    ``options.priority``.

    ``kind``: the type that was asked for; ``what`` begins the sentence; ``root``: what the path
    begins with (``jobs[3]``), empty at the top.
    """
    fault = explain(error, kind)
    path = ".".join(part for part in (root, fault.path) if part)
    sentence = " ".join(part for part in (path, fault.message) if part)
    return InvalidInput(
        f"{what} is not valid: {sentence}", fields=[FieldError(path, fault.message)]
    )


def known_errors() -> Iterator[type[CotizaError]]:
    """Every error that may answer a request, by status; the documentation lists them."""
    kinds = {
        kind
        for kind in [*vars(errors).values(), *globals().values()]
        if isinstance(kind, type) and issubclass(kind, CotizaError) and kind is not CotizaError
    }
    hidden = (errors.ConfigurationError, errors.JobFailed, errors.ProcessingError)
    for kind in sorted(kinds, key=lambda kind: (kind.http_status, kind.code)):
        if not issubclass(kind, hidden):
            yield kind


def _faults(error: CotizaError) -> tuple[FieldFault, ...] | None:
    if not isinstance(error, InvalidInput) or not error.fields:
        return None
    return tuple(FieldFault(field=fault.field, message=fault.message) for fault in error.fields)
