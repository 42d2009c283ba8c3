"""The administrators' pages, one module per tab.

A new tab: a module with a `router` here, its line in `tabs.TABS`, its router in `ROUTERS`; the page answers with
`tabs.page(request, visitor, "key", "admin/template.html", …)` and its template extends `admin/frame.html`.
"""

from typing import Final

from fastapi import APIRouter

from backend.web.admin import (
    assistant,
    audit,
    baseline,
    connectors,
    devices,
    email,
    home,
    installers,
    people,
    policy,
    privacy,
    runbooks,
    sign_in,
    webhooks,
)

ROUTERS: Final[tuple[APIRouter, ...]] = (
    home.router,
    people.router,
    sign_in.router,
    baseline.router,
    policy.router,
    email.router,
    webhooks.router,
    connectors.router,
    devices.router,
    installers.router,
    runbooks.router,
    assistant.router,
    privacy.router,
    audit.router,
)
