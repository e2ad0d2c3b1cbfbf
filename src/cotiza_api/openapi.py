"""The OpenAPI 3.1 document, generated from the table of operations and the structs that parse
requests.

Nothing is described twice: what is not in a struct or an ``Operation`` is not in the document.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec

from cotiza_queue import JobType, Settings, __version__, jobtypes

from . import examples
from .answers import Problem
from .auth import Role
from .operation import AnyOperation
from .schemas import CreateJob, CreateSchedule, Nothing, ScheduleJob

Json = dict[str, Any]
REF = "#/components/schemas/{name}"
_IDEMPOTENCY_KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A word of your own: repeated with the same body, the request is done once.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,255}$"},
}
_PATH_NAME = re.compile(r"{(\w+)}")
_FIELD_NAME = re.compile(r"(?<=`)[a-z]+(_[a-z]+)+(?=`)")
_ABOUT_ONE_JOB = (CreateJob, ScheduleJob, CreateSchedule)
TAGS = ("jobs", "events", "files", "recurring jobs", "queues", "dead letters", "health")
"""The groups of operations, in the order in which a newcomer meets them."""
_TITLE = "Cotiza jobs"
_INTRODUCTION = """\
Asynchronous jobs for manufacturing quotes: file analysis, quote calculation, e-mail and reports.

Send `Authorization: Bearer <JWT>`; the tenant is the token's. Times are ISO-8601 UTC with
milliseconds, names are camelCase, an unknown field is an error; of a name that occurs twice in an
object, the last counts.

Every error is `application/problem+json` (RFC 9457) with a stable `code`."""


def document(operations: Iterable[AnyOperation], settings: Settings) -> Json:
    """The document as JSON-ready data."""
    table = list(operations)
    types = _types(table)
    refs, components = msgspec.json.schema_components(types, ref_template=REF)
    schema_of = {_key(kind): ref for kind, ref in zip(types, refs, strict=True)}
    for kind in _ABOUT_ONE_JOB:
        components[kind.__name__]["oneOf"] = [_job_variant(job) for job in jobtypes.ALL]
    paths: Json = {}
    for operation in table:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, schema_of
        )
    whole = {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "version": __version__, "description": _INTRODUCTION},
        "servers": [{"url": settings.public_url}],
        "tags": [{"name": tag} for tag in TAGS],
        "paths": paths,
        "components": {
            "schemas": {name: _tidied(schema) for name, schema in components.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
    }
    plain: Json = msgspec.json.decode(msgspec.json.encode(whole))
    return plain


def _types(operations: list[AnyOperation]) -> list[Any]:
    found: list[Any] = [Problem, *(job.result for job in jobtypes.ALL)]
    found += [job.payload for job in jobtypes.ALL]
    for operation in operations:
        found += [kind for kind in (operation.body, operation.answer) if kind is not None]
    unique = {_key(kind): kind for kind in found if kind is not Nothing}
    return list(unique.values())


def _key(kind: Any) -> str:
    return repr(kind)


def _operation(operation: AnyOperation, schema_of: dict[str, Any]) -> Json:
    role = operation.role
    found: Json = {
        "operationId": getattr(operation.handler, "__name__", operation.summary),
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": _text(operation.handler.__doc__ or ""),
        "parameters": [
            *(_path_parameter(name) for name in _PATH_NAME.findall(operation.path)),
            *_query_parameters(operation.query),
            *([_IDEMPOTENCY_KEY] if operation.idempotent else []),
        ],
        "responses": _responses(operation, schema_of),
        "security": [] if role is None else [{"bearer": []}],
        "x-role": "nobody" if role is None else role.name.lower(),
    }
    if role is not None and role > Role.CUSTOMER:
        found["description"] += f"\n\nNeeds the role {role.name.lower()}."
    content = dict[str, Json]()
    if operation.body is not Nothing:
        content["application/json"] = _json_content(operation.body, schema_of)
    for media_type, schema in operation.upload.items():
        content[media_type] = {"schema": dict(schema)}
    if content:
        found["requestBody"] = {"required": not operation.bodiless, "content": content}
    return found


def _json_content(body: type, schema_of: dict[str, Any]) -> Json:
    shown = examples.of_body(body.__name__)
    return {
        "schema": schema_of[_key(body)],
        "examples": {name: {"value": value} for name, value in shown.items()},
    }


def _responses(operation: AnyOperation, schema_of: dict[str, Any]) -> Json:
    content: Json = {}
    if operation.answer is not None:
        content = {"application/json": {"schema": schema_of[_key(operation.answer)]}}
    elif operation.content is not None:
        binary = operation.content == "application/octet-stream"
        schema = {"contentMediaType": operation.content} if binary else {"type": "string"}
        content = {operation.content: {"schema": schema}}
    good = HTTPStatus(operation.status)
    responses: Json = {str(operation.status): {"description": good.phrase, "content": content}}
    statuses = {*operation.faults, 503}
    if operation.role is not None:
        statuses |= {401, 403}
    if operation.body is not Nothing or operation.method == "POST":
        statuses |= {400, 408, 413, 415, 422}
    fault = {"application/problem+json": {"schema": schema_of[_key(Problem)]}}
    for status in sorted(statuses):
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": fault}
    return responses


def _path_parameter(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(query: type) -> list[Json]:
    if query is Nothing:
        return []
    schema = msgspec.json.schema(query)
    fields = schema["$defs"][query.__name__] if "$defs" in schema else schema
    return [
        {"name": name, "in": "query", "required": False, "schema": _without_null(field)}
        for name, field in fields["properties"].items()
    ]


def _without_null(schema: Json) -> Json:
    """A parameter that may be left out is not a parameter that may be null."""
    kept = [option for option in schema.get("anyOf", []) if option.get("type") != "null"]
    return kept[0] if len(kept) == 1 else schema


def _job_variant(job_type: JobType[Any]) -> Json:
    payload = REF.format(name=job_type.payload.__name__)
    return {"properties": {"type": {"const": job_type.name}, "data": {"$ref": payload}}}


def _tidied(schema: Json) -> Json:
    if "description" in schema:
        schema["description"] = _text(schema["description"])
    return schema


def _text(docstring: str) -> str:
    """A docstring as Markdown, with the names of fields as the wire has them."""
    text = inspect.cleandoc(docstring).replace("``", "`")
    return _FIELD_NAME.sub(lambda name: _camel(name.group()), text)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
