"""The log on standard error: a caller chooses what is in a line, never where it ends."""

import logging

import pytest

from backend.commands.logs import configure_logging


def test_no_path_forges_a_line_of_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging("info", "console")
        logging.getLogger("access").info("GET %s", "/x\n2026-01-01 INFO forged\x1b[2J\u2028Ünïcode")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    written = capfd.readouterr().err
    assert written.count("\n") == 1
    assert r"/x\n2026-01-01 INFO forged\x1b[2J\u2028Ünïcode" in written
