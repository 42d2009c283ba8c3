"""Fixtures of the fault tests."""

from collections.abc import Awaitable, Callable

import pytest

from backend.db.engine import Database
from tests.support.people import Crew, make_crew


@pytest.fixture
def people_in() -> Callable[[str], Awaitable[Crew]]:
    """Makes an account in any migrated database, such as an embedded one."""

    async def make(url: str) -> Crew:
        opened = await Database.open(url, pool_size=2)
        try:
            return await make_crew(opened, url)
        finally:
            await opened.close()

    return make
