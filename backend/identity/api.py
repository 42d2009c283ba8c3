"""`GET /me` and the account's settings."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from backend.contract.people import AccountSettings, AccountSettingsPatch, Me
from backend.domain.refusal import Refusal
from backend.http.problems import openapi_responses
from backend.http.respond import Json
from backend.identity.account import AccountService
from backend.identity.dependencies import CallerDep
from backend.identity.devices import DeviceService

router = APIRouter(tags=["account"])
_NUMBERS: Final = frozenset(
    {"manual_baseline_minutes", "retention_days", "log_retention_days", "email_offline_delay_s"}
)


def _service(request: Request) -> AccountService:
    service: AccountService = request.app.state.services.account
    return service


Account = Annotated[AccountService, Depends(_service)]


@router.get("/me", response_model=Me, responses=openapi_responses())
async def me(request: Request, caller: CallerDep) -> Json:
    """Who is calling, and on which of their connected computers."""
    devices: DeviceService = request.app.state.services.devices
    return Json(caller.me(await devices.this(caller)))


@router.get("/account/settings", response_model=AccountSettings, responses=openapi_responses())
async def read_settings(caller: CallerDep, account: Account) -> Json:
    """The account's settings."""
    return Json(await account.settings(caller))


@router.patch("/account/settings", response_model=AccountSettings, responses=openapi_responses("role_required"))
async def change_settings(patch: AccountSettingsPatch, request: Request, caller: CallerDep, account: Account) -> Json:
    """Change what the body names; the rest stays."""
    body = await request.json()
    for field in _NUMBERS & set(body):
        if isinstance(body[field], bool):  # validation takes `true` for 1, which nobody means
            raise Refusal("invalid_body", f"`{field}` must be a number.", field=field)
    return Json(await account.change(caller, patch, set(body)))
