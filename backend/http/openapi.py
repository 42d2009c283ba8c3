"""The OpenAPI document: FastAPI's own, with the ways to sign in and the schema that every refusal refers to."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from backend.contract.problems import Problem

_BEARER: Final[dict[str, list[str]]] = {"bearer": []}
_SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A personal access token, or one of `/oauth/token`."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "fp_session",
        "description": "A web sign-in. By https the cookie is named `__Host-fp_session`.",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": "X-CSRF-Token",
        "description": "The anti-forgery value of the web sign-in, which every page of the web app carries.",
    },
}
_READS: Final = frozenset({"get", "head"})
_FORGERY: Final = "csrf_failed, origin_refused (changes by cookie), scope_required (changes by access token)"


def document(app: FastAPI, api: str) -> dict[str, Any]:
    """The whole document; made once. `api` is the prefix of the routes that need a sign-in."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes)
        components = schema.setdefault("components", {})
        components.setdefault("schemas", {})["Problem"] = TypeAdapter(Problem).json_schema()
        components["securitySchemes"] = _SCHEMES
        schema["security"] = [_BEARER, {"cookie": []}]
        for path, routes in schema["paths"].items():
            for method, route in routes.items():
                _secure(route, reads=method in _READS, open_to_all=not path.startswith(api))
        app.openapi_schema = schema
    return app.openapi_schema


def _secure(route: dict[str, Any], *, reads: bool, open_to_all: bool) -> None:
    if open_to_all:
        route["security"] = []
    elif not reads:
        route["security"] = [_BEARER, {"cookie": [], "csrf": []}]
        route["responses"]["403"]["description"] += f", {_FORGERY}"
