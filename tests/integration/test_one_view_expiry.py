"""One-view secrets whose time is over: wiped whether or not anybody looks."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from tests.conftest import Http, StartServer
from tests.support.flow import API, Owner
from tests.support.hook_desk import until
from tests.support.people import Crew


@pytest.fixture
def owner(database_url: str) -> Owner:
    return Owner(database_url)


async def test_an_expired_secret_is_wiped_though_nobody_makes_another(
    people: Callable[..., Awaitable[Crew]], http: Http, owner: Owner, start_server: StartServer
) -> None:
    """It says that it lasts an hour: a backup of next month must not hold it."""
    crew, others = await people(), await people("Others")
    over, lasting = [
        UUID(
            (await http(one).post(f"{API}/secrets", json={"content": "Winter2026!", "expires_in_s": 3_600})).json()[
                "id"
            ]
        )
        for one in (crew.technician, others.technician)
    ]
    await owner.fetch("update one_time_secret set expires_at = clock_timestamp() - interval '1 s' where id = $1", over)
    await start_server()  # its worker looks when it begins

    async def kept() -> list[UUID]:
        return [row["id"] for row in await owner.fetch("select id from one_time_secret where sealed is not null")]

    assert await until(kept, lambda found: over not in found) == [lasting]
