"""The frame of the administrators' pages: who may see them, which tabs there are."""

from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.responses import Response

from backend.web import render
from backend.web.visitor import Visitor, services_of


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: `key` names it in test ids (`admin-nav-KEY`), `path` is its page; `apart` begins a group."""

    key: str
    label: str
    path: str
    apart: bool = False


TABS: Final = (
    Tab("people-and-roles", "People and roles", "/admin/people"),
    Tab("sign-in", "Sign-in", "/admin/sign-in"),
    Tab("baseline", "Baseline", "/admin/baseline", apart=True),
    Tab("escalation-policy", "Escalation policy", "/admin/policy"),
    Tab("runbooks", "Runbooks", "/admin/runbooks"),
    Tab("ai-model", "AI model", "/admin/ai"),
    Tab("e-mail", "E-mail", "/admin/email", apart=True),
    Tab("webhooks", "Webhooks", "/admin/webhooks"),
    Tab("connectors", "Connectors", "/admin/connectors"),
    Tab("devices", "Devices", "/admin/devices", apart=True),
    Tab("installers", "Installers", "/admin/installers"),
    Tab("privacy", "Privacy", "/admin/privacy", apart=True),
    Tab("audit-log", "Audit log", "/admin/audit"),
)
"""In the order in which they are drawn: people; how they are alerted and helped; ways out; computers; records."""


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
