"""Routes of secrets: what looks like one, and links that show one once."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from backend.contract.onetime import NewSecret, RevealedSecret, SecretCheck, SecretFindings, SecretLink
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.dependencies import CallerDep
from backend.onetime.service import SecretService, check

router = APIRouter(prefix="/secrets", tags=["secrets"])


def _service(request: Request) -> SecretService:
    service: SecretService = request.app.state.services.secrets
    return service


Secrets = Annotated[SecretService, Depends(_service)]


@router.post("/check", response_model=SecretFindings, responses=openapi_responses("role_required"))
async def check_text(body: SecretCheck, caller: CallerDep) -> Json:
    """What looks like a secret in a text; nothing of it is kept."""
    caller.require("technician")
    return Json(check(body.text))


@router.post("", status_code=201, response_model=SecretLink, responses=openapi_responses("not_found", "role_required"))
async def create_secret(new: NewSecret, caller: CallerDep, secrets: Secrets) -> Json:
    """Keep a secret for one view."""
    return Json(await secrets.create(caller, new), 201)


@router.get("/{secret_id}", response_model=SecretLink, responses=openapi_responses("not_found"))
async def read_secret(secret_id: str, caller: CallerDep, secrets: Secrets) -> Json:
    """Who left it and whether it has been seen."""
    return Json(await secrets.about(caller, secret_id))


@router.post(
    "/{secret_id}/view",
    response_model=RevealedSecret,
    responses=openapi_responses("not_found", "role_required", "secret_gone"),
)
async def view_secret(secret_id: str, caller: CallerDep, secrets: Secrets) -> Json:
    """Show it, this once."""
    return Json(await secrets.view(caller, secret_id))
