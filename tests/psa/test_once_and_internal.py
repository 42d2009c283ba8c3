"""Whatever a PSA does to our requests, and however often we try: one note per event at most, and none for customers."""

import asyncio

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from backend.psa import systems
from backend.psa.port import AwayError, InternalNote, LeakingError, Limits
from backend.psa.writing import Written, write
from tests.support.psa_autotask import AutotaskServer
from tests.support.psa_connectwise import ConnectWiseServer
from tests.support.psa_halo import HaloServer
from tests.support.psa_server import Fault, PsaServer

TICKET = "48213"
NOTE = InternalNote("[FP-H:0123456789ab:claimed]", "Claimed", "Claimed by Erin.\n[FP-H:0123456789ab:claimed]")
MOST_TRIES = 30

at_once = st.builds(Fault, st.sampled_from([500, 502, 503, 429]), saved=st.booleans())
broken = st.builds(Fault, st.none(), saved=st.booleans(), drop=st.just(True))
late = st.builds(Fault, st.just(504), late=st.integers(1, 3))
faults = st.lists(st.one_of(st.none(), at_once, broken), max_size=12)


async def _life(server: PsaServer, plan: list[Fault | None], late_one: Fault | None) -> Written | None:
    """Write the note with as many tries as it takes."""
    left = [late_one, *plan] if late_one else plan
    async with server:
        server.fault = lambda _: left.pop(0) if left else None
        psa, _ = systems.build(
            server.system,  # type: ignore[arg-type]
            server.access(),
            allow_private=True,
            limits=Limits(pause_s=0, most=1_000_000, window_s=1),
        )
        leaking = False
        for attempt in range(MOST_TRIES):
            try:
                return await write(psa, TICKET, NOTE, again=attempt > 0, leaking=leaking)
            except LeakingError:
                leaking = True
            except AwayError:
                pass
    return None


@pytest.mark.parametrize(
    "kind", [ConnectWiseServer, HaloServer, AutotaskServer], ids=["connectwise", "halo", "autotask"]
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=faults,
    late_one=st.one_of(st.none(), late),
    rule=st.booleans(),
    fails=st.sampled_from(["", "hiding", "removing"]),
)
def test_at_most_one_note_and_none_for_customers(
    kind: type[PsaServer], plan: list[Fault | None], late_one: Fault | None, rule: bool, fails: str
) -> None:
    assume(not (late_one and fails == "removing"))  # what is there twice and cannot be removed stays there twice
    server = kind()
    server.rule_makes_public = rule
    server.hiding_fails, server.removing_fails = fails == "hiding", fails == "removing"
    written = asyncio.run(_life(server, plan, late_one))
    assert written is not None, "it gets there in the end"
    ours = [one for one in server.notes() if NOTE.marker in one.text]
    assert len(ours) <= 1
    assert not any(one.public for one in ours)
    assert bool(ours) is (written.outcome != "removed")
