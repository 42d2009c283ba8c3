"""Tests that build and install packages take many minutes: for `make test-packages` and for who asks for them."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Say what the marker means."""
    config.addinivalue_line("markers", "packages: builds and installs packages for minutes; only with -m packages")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave them out unless they are asked for."""
    if "packages" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("packages")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
