"""What a set-up code names: asked by the desktop app before anybody is signed in."""

from typing import Final

from fastapi import APIRouter, Request

from backend.contract.setup import SETUP_PATH, SetupAnswer
from backend.domain.refusal import Refusal
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.failures import Failures
from backend.identity.oauth import issuer
from backend.identity.setup import SetupService

router = APIRouter(tags=["sign-in"])
_failures: Final = Failures()


@router.get(
    f"{SETUP_PATH}/{{code}}",
    summary="Which account a set-up code names",
    response_model=SetupAnswer,
    responses=openapi_responses("not_found", "too_many_requests"),
)
async def set_up_for(request: Request, code: str) -> Json:
    """The account's name and the server's address; the code lets nobody in."""
    setup: SetupService = request.app.state.services.setup
    address = request.client.host if request.client else ""
    if not _failures.may_try(address):
        raise Refusal("too_many_requests", "Too many codes that nobody has. Try again in a minute.")
    found = await setup.named_by(code)
    if found is None:
        _failures.failed(address)
        raise Refusal("not_found", "This set-up code is not in use.")
    return Json(SetupAnswer(account=found.account_name, server=issuer(request)))
