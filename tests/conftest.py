"""Fixtures for every test: a real database, the real server, people, HTTP clients.

The cluster belongs to the process that drives the run, so it lives until the last worker is done and dies with it.
"""

import asyncio
import contextlib
import functools
import gc
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
from hypothesis import settings
from xdist.scheduler import LoadGroupScheduling

from backend.db.engine import Database
from tests.support import postgres
from tests.support.people import Crew, Member, make_crew
from tests.support.server import NO_TLS, Server

# How long an example takes says something about the machine, not about the rule.
settings.register_profile("house", deadline=None)
settings.register_profile("quick", deadline=None, max_examples=20)
settings.load_profile("house")

# Collecting makes a million objects that all live to the end: looking through them for garbage again and again costs
# each worker a sixth of the time. What is there when the first test begins is never looked through.
gc.disable()

_CLUSTER = pytest.StashKey[contextlib.ExitStack]()
_CLUSTER_URL = pytest.StashKey[str]()


class StartServer(Protocol):
    """Start a further server on this test's database."""

    async def __call__(self, *, workers: int = 1, **environment: str) -> Server:
        """`environment` adds settings, such as FLOWPILOT_LOG_LEVEL="debug"."""
        ...


class Http(Protocol):
    """Make an HTTP client, signed in as somebody or as nobody."""

    def __call__(self, who: Member | str | None = None, *, at: Server | None = None) -> httpx.AsyncClient:
        """`who` is a member or a bare token; `at` another server than the shared one."""
        ...


def _driven_cluster(config: pytest.Config) -> str:
    """Return the address of this run's cluster, started on first use."""
    if _CLUSTER_URL not in config.stash:
        stack = contextlib.ExitStack()
        config.stash[_CLUSTER] = stack
        config.stash[_CLUSTER_URL] = stack.enter_context(postgres.cluster())
    return config.stash[_CLUSTER_URL]


class _ByWhatIsShared(LoadGroupScheduling):  # type: ignore[misc]  # xdist ships no types
    """Hands out test by test, but whole files where the tests share a server or a folder: made once, not per worker.

    Files come before single tests (xdist sorts by size), so none of them is left to run alone at the end.
    """

    def _split_scope(self, nodeid: str) -> str:
        group, path = str(super()._split_scope(nodeid)), nodeid.partition("::")[0]
        return path if group == nodeid and _shares(Path(str(self.config.rootpath)) / path) else group


@functools.cache
def _shares(path: Path) -> bool:
    return re.search(r'scope="module"|\bserve_module\b', path.read_text()) is not None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadGroupScheduling | None:
    """Take ours for `--dist loadgroup`, as the Makefile and `scripts/test.sh` say it."""
    return _ByWhatIsShared(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell each xdist worker where the cluster of the run is."""
    node.workerinput["cluster_url"] = _driven_cluster(node.config)


def pytest_collection_finish() -> None:
    """From here on there is garbage."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the cluster with the run."""
    if _CLUSTER in config.stash:
        config.stash[_CLUSTER].close()


@pytest.fixture(scope="session")
def cluster_url(request: pytest.FixtureRequest) -> str:
    """The run's PostgreSQL."""
    given = getattr(request.config, "workerinput", {}).get("cluster_url")
    return str(given) if given else _driven_cluster(request.config)


@pytest.fixture(scope="session")
def worker_database_url(cluster_url: str, worker_id: str) -> str:
    """This worker's migrated database, whatever is in it."""
    return asyncio.run(postgres.worker_database(cluster_url, f"worker_{worker_id}"))


@pytest.fixture
async def database_url(worker_database_url: str) -> str:
    """This worker's migrated database, empty."""
    await postgres.delete_rows(worker_database_url)
    return worker_database_url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database opened as the server opens it: as the role that row-level security binds."""
    opened = await Database.open(database_url)
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture(scope="session")
def shared_server(worker_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of a worker that do not hurt it; ask for `server`."""
    # Nothing but what a test does happens there; what the worker does has tests, and servers, of its own.
    quiet = {"FLOWPILOT_WORKER": "off"}
    server = Server(worker_database_url, tmp_path_factory.mktemp("server"), environment=quiet)
    yield server
    server.stop()


@pytest.fixture
async def server(database_url: str, shared_server: Server) -> Server:
    """A running `flowpilot serve` on this test's empty database; to kill or configure one, use `start_server`."""
    if not shared_server.alive:
        await asyncio.to_thread(shared_server.start)
    return shared_server


@pytest.fixture(scope="module")
def serve_module(worker_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Starts a server that a module's tests share, settings as keywords. `people` and `database` empty its rows."""
    started: list[Server] = []

    def start(**environment: str) -> Server:
        one = Server(worker_database_url, tmp_path_factory.mktemp("module"), environment=environment)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        one.stop()


@pytest.fixture
async def start_server(database_url: str, tmp_path: Path) -> AsyncIterator[StartServer]:
    """Starts servers of this test's own; stopped afterwards."""
    started: list[Server] = []

    async def start(*, workers: int = 1, **environment: str) -> Server:
        one = Server(database_url, tmp_path / f"server{len(started)}", workers=workers, environment=environment)
        started.append(one)
        return await asyncio.to_thread(one.start)

    yield start
    for one in started:
        await asyncio.to_thread(one.stop)


@pytest.fixture
def people(database: Database, database_url: str) -> Callable[..., Awaitable[Crew]]:
    """Makes accounts with one person of each role: `crew = await people("Northwind MSP")`."""

    async def make(name: str = "Northwind MSP") -> Crew:
        return await make_crew(database, database_url, name)

    return make


@pytest.fixture
async def http(server: Server) -> AsyncIterator[Http]:
    """Makes HTTP clients: `client = http(crew.engineer)`; closed afterwards."""
    async with contextlib.AsyncExitStack() as stack:

        def make(who: Member | str | None = None, *, at: Server | None = None) -> httpx.AsyncClient:
            token = who.token if isinstance(who, Member) else who
            client = httpx.AsyncClient(
                base_url=(at or server).url,
                headers={"Authorization": f"Bearer {token}"} if token else {},
                trust_env=False,
                verify=NO_TLS,
                timeout=30,
            )
            stack.push_async_callback(client.aclose)
            return client

        yield make
