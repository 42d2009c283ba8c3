"""Templates to answers: one environment, one set of headers. No page carries inline script or style."""

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from backend.contract.vocabulary import MISSING_CHOICES, OUTCOME_LABEL, PRIORITY_LABEL, ROLE_LABEL
from backend.domain.browsers import browser_words
from backend.domain.roles import at_least
from backend.domain.scopes import LABEL as SCOPE_LABEL
from backend.identity.caller import Caller
from backend.web import formats, talk
from backend.web.packing import LEAST, packed, takes_gzip

TEMPLATES: Final = Path(__file__).parent / "templates"
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": CSP,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PACKED: Final = frozenset(
    {
        "sessions.html",
        "session.html",
        "escalations.html",
        "analytics.html",
        "error.html",
        "admin/assistant.html",
        "admin/audit.html",
        "admin/baseline.html",
        "admin/devices.html",
        "admin/email.html",
        "admin/people.html",
        "admin/policy.html",
        "admin/privacy.html",
        "admin/runbooks.html",
    }
)
"""Pages that may go out compressed: no link, password or key in them opens anything by itself.

Where one does at times, whoever draws it says `holds_secret`.
"""
THEMES: Final = ("system", "light", "dark")
ASSESSMENT_PATIENCE: Final = timedelta(minutes=2)
"""After this an assessment that has not come is said to be missing."""
THEME_COOKIE: Final = "fp_theme"


@cache
def environment() -> jinja2.Environment:
    """The template environment: escapes everything, knows no undefined names."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        clock=formats.clock,
        waited=formats.waited,
        ago=formats.ago,
        apart=formats.apart,
        first_name=formats.first_name,
        initials=formats.initials,
        listed=formats.listed,
        listed_few=formats.listed_few,
        confidence_words=formats.confidence_words,
        long_duration=formats.long_duration,
        happened=talk.happened,
        secret_links=formats.secret_links,
        browser_words=browser_words,
    )
    env.globals.update(
        outcome_label=OUTCOME_LABEL,
        missing_choices=MISSING_CHOICES,
        patience=ASSESSMENT_PATIENCE,
        priority_label=PRIORITY_LABEL,
        role_label=ROLE_LABEL,
        scope_label=SCOPE_LABEL,
        ticket_label=formats.ticket_label,
        at_least=at_least,
        themes=THEMES,
    )
    return env


def theme_of(request: Request) -> str:
    """What the person chose on this browser; the system's own choice otherwise."""
    chosen = request.cookies.get(THEME_COOKIE, "system")
    return chosen if chosen in THEMES else "system"


def html(
    request: Request,
    template: str,
    *,
    status: int = 200,
    caller: Caller | None = None,
    **context: object,
) -> HTMLResponse:
    """The page as an answer. `caller` gives the account's time zone to the `clock` filters.

    With `holds_secret` among the context something in this one opens something by itself: it goes out as it is.
    """
    tz = formats.zone(caller.timezone if caller else "UTC")
    now = formats.now()
    body = (
        environment()
        .get_template(template)
        .render(
            theme=theme_of(request),
            me=caller,  # `caller` is taken inside Jinja's macros
            tz=tz,
            now=now,
            path=request.url.path,
            clock=lambda when, *, seconds=False: formats.clock(when, tz, seconds=seconds, at=now),
            **context,
        )
    )
    page = body.encode()
    if context.get("holds_secret") or template not in PACKED or len(page) < LEAST:
        return HTMLResponse(page, status, HEADERS)
    headers = {**HEADERS, "Vary": "Accept-Encoding"}
    if takes_gzip(request.headers):
        page, headers["Content-Encoding"] = packed(page), "gzip"
    return HTMLResponse(page, status, headers)
