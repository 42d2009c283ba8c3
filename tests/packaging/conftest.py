"""Tests that build and install packages take many minutes: for `make test-packages` and for who asks for them."""

import sys
from pathlib import Path

import pytest

_PACKAGING = Path(__file__).parents[2] / "packaging"
sys.path[:0] = [str(_PACKAGING / "bundle"), str(_PACKAGING / "windows")]  # as the builders find each other
_ON_DEMAND = ("packages", "windows")


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    """Icons are drawn without a screen. Processes are told nothing of it: the packages' own tests have a real one."""
    return ["tests", "-platform", "offscreen"]


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line("markers", "packages: builds and installs packages for minutes; only with -m packages")
    config.addinivalue_line("markers", "windows: the same for Windows, under Wine; only with -m windows")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out unless they are asked for."""
    asked_for = {name for name in _ON_DEMAND if name in config.option.markexpr}
    unasked = [name for name in _ON_DEMAND if name not in asked_for]
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in unasked)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
