"""Fixtures of the fault tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from backend.db.engine import Database
from tests.support import postgres
from tests.support.people import Crew, make_crew
from tests.support.world import World


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


@pytest.fixture
async def own_database(cluster_url: str) -> AsyncIterator[str]:
    """A migrated database that no other test has, to be spoilt."""
    name = f"fault_{uuid4().hex[:10]}"
    yield await postgres.worker_database(cluster_url, name)
    await postgres.drop_database(cluster_url, name)


@pytest.fixture
async def world(own_database: str, tmp_path: Path) -> AsyncIterator[World]:
    """Accounts, servers and a post office on a database of this test's own."""
    async with World(own_database, tmp_path) as one:
        yield one


def pytest_configure(config: pytest.Config) -> None:
    """Sweeps that take many minutes are for `make soak` and for who asks for them."""
    config.addinivalue_line("markers", "soak: takes many minutes; only with -m soak")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is for the soak, unless it is asked for."""
    if "soak" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
