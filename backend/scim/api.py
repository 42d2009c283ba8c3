"""`/scim/v2`: what directories such as Entra and Okta ask (RFC 7644), in the protocol's own words and form.

The protocol describes itself (`/Schemas`, `/ResourceTypes`), so these routes are not in the OpenAPI document.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from backend.db.ids import parse_id
from backend.domain.refusal import Refusal
from backend.http.problems import STATUS
from backend.identity.caller import Caller
from backend.identity.dependencies import bearer
from backend.identity.failures import Failures
from backend.identity.oauth import issuer
from backend.scim import discovery
from backend.scim.messages import LIST, ScimError, patched, resource, wanted, whole
from backend.scim.service import DirectoryService

_TYPE: Final = "application/scim+json"
_failures: Final = Failures()


def _json(status: int, document: object, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, {"Cache-Control": "no-store", **(headers or {})}, _TYPE)


class _ScimRoute(APIRoute):
    """A route whose refusals are SCIM errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, wrapped."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(request)
            except ScimError as error:
                headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
                return _json(error.status, error.document(), headers)
            except Refusal as refusal:
                status = 400 if refusal.code == "invalid_body" else STATUS[refusal.code]
                kind = "invalidValue" if status == 400 else None
                return _json(status, ScimError(status, refusal.detail, kind).document())

        return handle


router = APIRouter(prefix="/scim/v2", route_class=_ScimRoute, include_in_schema=False)


def _service(request: Request) -> DirectoryService:
    service: DirectoryService = request.app.state.services.directory
    return service


Directory = Annotated[DirectoryService, Depends(_service)]


async def _directory(request: Request, service: Directory) -> Caller:
    """The directory that shows its token; an address that fails often waits."""
    address, token = request.client.host if request.client else "", bearer(request)
    if not _failures.may_try(address):
        raise ScimError(429, "Too many failed requests. Try again in a minute.")
    caller = await service.caller(token) if token else None
    if caller is None:
        _failures.failed(address)
        raise ScimError(401, "Send a directory's token, which an owner makes under Admin, Sign-in.")
    return caller


DirectoryCaller = Annotated[Caller, Depends(_directory)]


def base_of(request: Request) -> str:
    """The address that a directory is given."""
    return f"{issuer(request)}/scim/v2"


async def _body(request: Request) -> Any:
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise ScimError(400, "The body is not JSON.", "invalidSyntax") from error


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.lstrip("-").isdigit() or len(text) > 9 or not text.isascii():
        raise ScimError(400, f"`{name}` must be a number.", "invalidValue")
    return min(max(int(text), least), most)


@router.get("/ServiceProviderConfig")
async def config(request: Request, _caller: DirectoryCaller) -> Response:
    """What this server can do."""
    return _json(200, discovery.config(base_of(request)))


def _listed(documents: list[dict[str, Any]], total: int | None = None, first: int = 1) -> Response:
    count = len(documents)
    shown = {"totalResults": count if total is None else total, "startIndex": first, "itemsPerPage": count}
    return _json(200, {"schemas": [LIST], **shown, "Resources": documents})


@router.get("/ResourceTypes")
async def resource_types(request: Request, _caller: DirectoryCaller) -> Response:
    """The types of resources."""
    return _listed([discovery.resource_type(base_of(request))])


@router.get("/ResourceTypes/User")
async def resource_type(request: Request, _caller: DirectoryCaller) -> Response:
    """The one type."""
    return _json(200, discovery.resource_type(base_of(request)))


@router.get("/Schemas")
async def schemas(request: Request, _caller: DirectoryCaller) -> Response:
    """The schemas."""
    return _listed([discovery.schema(base_of(request))])


@router.get("/Schemas/{schema_id}")
async def schema(request: Request, _caller: DirectoryCaller, schema_id: str) -> Response:
    """One schema."""
    found = discovery.schema(base_of(request))
    if schema_id != found["id"]:
        raise ScimError(404, "There is no such schema.")
    return _json(200, found)


@router.get("/Users")
async def users(request: Request, caller: DirectoryCaller, service: Directory) -> Response:
    """A page of people, by a filter where one is given."""
    first = _number(request, "startIndex", 1, 1, 999_999_999)
    most = _number(request, "count", 100, 0, discovery.MOST)
    by = wanted(request.query_params.get("filter"))
    if by is not None and "\x00" in by[1]:
        return _listed([], 0, first)
    found, total = await service.users(caller, by, first, most)
    return _listed([resource(one, base_of(request)) for one in found], total, first)


@router.post("/Users")
async def create(request: Request, caller: DirectoryCaller, service: Directory) -> Response:
    """Somebody new."""
    base = base_of(request)
    made = await service.create(caller, whole(await _body(request)))
    return _json(201, resource(made, base), {"Location": f"{base}/Users/{made.id}"})


@router.get("/Users/{user_id}")
async def user(request: Request, caller: DirectoryCaller, service: Directory, user_id: str) -> Response:
    """One person."""
    return _json(200, resource(await service.user(caller, parse_id(user_id)), base_of(request)))


@router.put("/Users/{user_id}")
async def replace(request: Request, caller: DirectoryCaller, service: Directory, user_id: str) -> Response:
    """The person as the directory has them now."""
    changed = await service.change(caller, parse_id(user_id), whole(await _body(request)))
    return _json(200, resource(changed, base_of(request)))


@router.patch("/Users/{user_id}")
async def patch(request: Request, caller: DirectoryCaller, service: Directory, user_id: str) -> Response:
    """Some attributes; `active` false lets the person go."""
    changed = await service.change(caller, parse_id(user_id), patched(await _body(request)))
    return _json(200, resource(changed, base_of(request)))


@router.delete("/Users/{user_id}")
async def delete(caller: DirectoryCaller, service: Directory, user_id: str) -> Response:
    """Let the person go for good."""
    await service.delete(caller, parse_id(user_id))
    return Response(None, 204)
