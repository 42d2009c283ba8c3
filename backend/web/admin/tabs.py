"""The frame of the administrators' pages: who may see them, which tabs there are."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from backend.web import render
from backend.web.visitor import Visitor, services_of


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: `key` names it in test ids (`admin-nav-KEY`), `path` is its page."""

    key: str
    label: str
    path: str


TABS: Final = (
    Tab("people-and-roles", "People and roles", "/admin/people"),
    Tab("sign-in", "Sign-in", "/admin/sign-in"),
    Tab("baseline", "Baseline", "/admin/baseline"),
    Tab("escalation-policy", "Escalation policy", "/admin/policy"),
    Tab("e-mail", "E-mail", "/admin/email"),
    Tab("webhooks", "Webhooks", "/admin/webhooks"),
    Tab("connectors", "Connectors", "/admin/connectors"),
    Tab("devices", "Devices", "/admin/devices"),
    Tab("installers", "Installers", "/admin/installers"),
    Tab("runbooks", "Runbooks", "/admin/runbooks"),
    Tab("ai-model", "AI model", "/admin/ai"),
    Tab("privacy", "Privacy", "/admin/privacy"),
    Tab("audit-log", "Audit log", "/admin/audit"),
)
"""In the order in which they are drawn."""


async def page(
    request: Request,
    visitor: Visitor,
    tab: str,
    template: str,
    *,
    status: int = 200,
    **context: object,
) -> Response:
    """One page in the administrators' frame; refuses `role_required` below administrator."""
    visitor.caller.require("admin")
    services = services_of(request)
    seq, waiting = await services.handoffs.shell_state(visitor.caller)
    return render.html(
        request,
        template,
        status=status,
        caller=visitor.caller,
        shell=visitor,
        seq=seq,
        waiting=waiting,
        tabs=TABS,
        tab=tab,
        **context,
    )
