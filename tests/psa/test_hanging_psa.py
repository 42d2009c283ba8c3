"""PSAs that take connections and never answer: escalating, claiming and e-mail go on as if they were not there."""

import contextlib
from collections.abc import Awaitable, Callable

from tests.conftest import Http
from tests.support.flow import act, claimed, escalate, open_session
from tests.support.hook_desk import until
from tests.support.mail_server import MailServer
from tests.support.people import Crew
from tests.support.psa_autotask import AutotaskServer
from tests.support.psa_connectwise import ConnectWiseServer
from tests.support.psa_desk import ALL, CONNECTORS
from tests.support.psa_halo import HaloServer
from tests.support.server import Server

WITHIN_S = 60.0


async def test_everybody_is_told_and_claims_while_every_psa_hangs(
    people: Callable[..., Awaitable[Crew]], serve_module: Callable[..., Server], http: Http
) -> None:
    crew = await people()
    async with contextlib.AsyncExitStack() as stack:
        psas = [await stack.enter_async_context(kind()) for kind in (ConnectWiseServer, HaloServer, AutotaskServer)]
        mail = stack.enter_context(MailServer())
        server = serve_module(
            FLOWPILOT_SMTP_URL=mail.url,
            FLOWPILOT_MAIL_FROM="escalations@northwind.example",
            FLOWPILOT_EMAIL_AFTER_S="0",
            FLOWPILOT_WEBHOOK_ALLOW_PRIVATE="on",
        )
        admin, junior, senior = (http(who, at=server) for who in (crew.admin, crew.technician, crew.engineer))
        for psa in psas:
            psa.hanging = True
            body = {"system": psa.system, "fields": psa.access(), "notes_on": ALL}
            assert (await admin.post(CONNECTORS, json=body)).status_code == 201
        held = []
        for number in range(4):
            for psa in psas:
                ticket = {"system": psa.system, "id": str(48213 + number)}
                session = await open_session(junior, f"Problem {number}", ticket=ticket)
                held.append((await escalate(junior, session)).json()["id"])
        seniors = {one.email for one in (crew.owner, crew.admin, crew.engineer, crew.second_engineer)}
        received = await mail.arrived(len(held) * len(seniors), timeout=WITHIN_S)
        assert {to for one in received for to in one.recipients} == seniors
        for handoff in held:
            await claimed(senior, handoff)
            assert (await act(senior, handoff, "resolve")).status_code == 200

        async def hanging() -> bool:
            return all(psa.asked for psa in psas)

        await until(hanging, bool)
