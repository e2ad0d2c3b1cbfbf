"""Files: CAD files in; uploads, thumbnails and reports out, to their tenant only."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from cotiza_queue.errors import InvalidInput, NotFound
from cotiza_queue.storage import blob_key, url_of_key

from .. import respond, uploads
from ..answers import UploadedFile
from ..auth import Role
from ..operation import API, AnyOperation, Call, Operation
from ..schemas import Nothing, UploadQuery

PATH = f"{API}/files"
KIND = "uploads"
_BINARY = {"type": "string", "contentMediaType": "application/octet-stream"}
_FORM = {
    "type": "object",
    "properties": {uploads.FIELD: _BINARY},
    "required": [uploads.FIELD],
}


async def upload_file(call: Call[Nothing, UploadQuery]) -> Response:
    """Stores a file as it streams in; nothing is kept of one that breaks off or grows too large."""
    services = call.services
    limit = services.settings.max_upload_bytes
    upload = await uploads.receive(call.request, call.query.file_name, limit)
    file_id = f"file-{services.clock.now_ms():x}{services.chance.random_bytes(12).hex()}"
    stored = await services.store.put(
        blob_key(call.caller.tenant, KIND, file_id),
        upload.body,
        name=upload.name,
        content_type=uploads.CONTENT_TYPES[upload.kind],
        max_bytes=limit,
    )
    answer = UploadedFile(
        file_id=file_id,
        file_url=url_of_key(stored.key),
        file_name=stored.name,
        file_type=upload.kind,
        file_size=stored.size,
        sha256=stored.sha256,
    )
    return respond.json(answer, 201, location=f"{PATH}/{file_id}")


async def get_upload(call: Call[Nothing, Nothing]) -> Response:
    """An uploaded file of the caller's tenant."""
    return await _download(call, call.caller.tenant, KIND, call.path("fileId"))


async def get_file(call: Call[Nothing, Nothing]) -> Response:
    """Any stored file of the caller's tenant; for a platform token, of any tenant."""
    tenant = call.path("tenant")
    if call.caller.reach not in (None, tenant):
        raise _no_file()
    return await _download(call, tenant, call.path("kind"), call.path("name"))


async def _download(call: Call[Nothing, Nothing], tenant: str, kind: str, name: str) -> Response:
    try:
        info = await call.services.store.info(blob_key(tenant, kind, name))
    except (InvalidInput, NotFound):
        raise _no_file() from None
    etag = f'"{info.sha256}"'
    headers = {
        "content-type": info.content_type,
        "content-disposition": disposition(info.name),
        "etag": etag,
        "cache-control": "private, no-cache",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    if etag in call.request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(info.size)
    if call.request.method == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(call.services.store.open(info.key), headers=headers)


def disposition(name: str) -> str:
    """A Content-Disposition that every browser saves under the right name (RFC 6266, RFC 8187)."""
    plain = "".join(sign if sign.isascii() and sign not in '"\\%' else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _no_file() -> NotFound:
    """One answer for what does not exist and for what is another's."""
    return NotFound("there is no such file", code="file_not_found")


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST", path=PATH, handler=upload_file, role=Role.MANAGER,
        body=Nothing, query=UploadQuery, answer=UploadedFile, status=201,
        upload={"multipart/form-data": _FORM, "application/octet-stream": _BINARY},
        tag="files", summary="Upload a CAD file", faults=(400, 413, 415, 422),
    ),
    Operation(
        method="GET", path=f"{PATH}/{{fileId}}", handler=get_upload, role=Role.MANAGER,
        body=Nothing, query=Nothing, content="application/octet-stream",
        tag="files", summary="Download an uploaded file", faults=(404,),
    ),
    Operation(
        method="GET", path=f"{PATH}/{{tenant}}/{{kind}}/{{name}}", handler=get_file,
        role=Role.MANAGER, body=Nothing, query=Nothing, content="application/octet-stream",
        tag="files", summary="Download a file that a job made", faults=(404,),
    ),
)  # fmt: skip
