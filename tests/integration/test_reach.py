"""Before somebody escalates the page says where each senior is: connected, held back by their own wish, or away."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Http
from tests.support.flow import open_session
from tests.support.people import Crew
from tests.support.server import Server
from tests.support.stream import EventClient, listening
from tests.support.web import Forms, until_it_reads


@pytest.fixture
async def crew(people: Callable[..., Awaitable[Crew]]) -> Crew:
    return await people()


async def test_do_not_disturb_is_read_before_escalating(server: Server, crew: Crew, http: Http) -> None:
    """A junior who asks for Erin must know beforehand that Erin's computer will keep quiet, and until when."""
    path = f"/pilot/{await open_session(http(crew.technician))}?dialog=escalate"
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    async with Forms(server) as forms, listening(server, crew.engineer) as desktop:
        await forms.sign_in(crew.technician)
        await until_it_reads(forms, path, "Erin, on the desktop")
        await desktop.send(type="holding", reason="do_not_disturb", until=soon)
        page = await until_it_reads(forms, path, "Erin, do not disturb until")
        assert re.search(r"<option[^>]*>Erin Engineer, do not disturb until [^<]*</option>", page)
        assert "An urgent escalation is shown all the same." in page
        await desktop.send(type="holding", reason="quiet_hours")
        await until_it_reads(forms, path, "Erin, quiet hours")
        async with listening(server, crew.engineer):
            await until_it_reads(forms, path, "Erin, on the desktop")  # another computer of theirs shows alerts
        await until_it_reads(forms, path, "Erin, quiet hours")
        await desktop.send(type="holding", reason="do_not_disturb", until="2020-01-01T00:00:00Z")
        await until_it_reads(forms, path, "Erin, on the desktop")  # it has ended by itself meanwhile


async def test_whatever_a_client_says_of_itself_breaks_nothing(server: Server, crew: Crew, http: Http) -> None:
    path = f"/pilot/{await open_session(http(crew.technician))}?dialog=escalate"

    async def says(desktop: EventClient, reason: object, until: str | None = None) -> None:
        await desktop.send(type="holding", reason=reason, until=until)

    async with Forms(server) as forms, listening(server, crew.engineer) as desktop:
        await forms.sign_in(crew.technician)
        await says(desktop, "<b>x\x00" + "y" * 500, "2999-01-01T00:00:00")
        page = await until_it_reads(forms, path, "Erin, &lt;b&gt;x")
        assert "<b>xy" not in page
        await says(desktop, "")
        await until_it_reads(forms, path, "Erin, on the desktop")
        await says(desktop, 5)
        code, _ = await desktop.closed()
        assert code == 4400
