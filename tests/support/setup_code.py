"""A set-up code, made as an administrator makes it."""

import re

from tests.support.people import Crew
from tests.support.server import Server
from tests.support.web import Forms


async def made(server: Server, crew: Crew, label: str = "Office") -> str:
    """The newest code, made on the page."""
    async with Forms(server) as admin:
        await admin.sign_in(crew.admin)
        await admin.get("/admin/installers")
        assert (await admin.post("/admin/installers/codes", label=label)).status_code == 303
        page = (await admin.get("/admin/installers")).text
    found = re.search(r'data-testid="setup-code">([^<]+)<', page)
    assert found is not None
    return found[1]
