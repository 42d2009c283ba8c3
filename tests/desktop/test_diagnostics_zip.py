"""What support is sent: every file of it is searched for what must not leave the computer."""

import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths
from pytestqt.qtbot import QtBot

from desktop.diagnostics_zip import save
from tests.desktop.test_windows import Fake

pytestmark = pytest.mark.usefixtures("themed")
NOW = datetime(2026, 11, 27, 10, 46, 2)  # noqa: DTZ001 - the name of a file, in the user's own time
TOKEN = "fpda_kd83hfk2jf9dk3jd"
REFRESH = "fprt_0a1b2c3d4e5f6a7b"
CUSTOMER = "Harlow Dental Group"
SAID = "I cannot see the head office firewall.\nIts password is hunter2."


def everything(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return "\n".join(archive.read(name).decode() for name in archive.namelist())


def test_no_file_of_the_zip_holds_a_token_a_customer_or_a_word_of_the_conversation(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    leaks = (
        f"Authorization: Bearer {TOKEN}",
        f"renewed {REFRESH} for {CUSTOMER}",
        "opened https://flow.example/go#t=one-time-ticket",
        f"frame said: {SAID}",
        "by http://dana:proxy-password@proxy.example:3128",
        f"Mina Okafor asked; token={TOKEN}",
    )
    for number, name in enumerate(("tray.log", "tray.log.1", "tray.log.3", "crash.log")):
        (logs / name).write_text(f"2026-11-27 started {number}\n" + "\n".join(leaks))
    told = f"Server: https://flow.example\n{leaks[0]}\n{leaks[1]}\n"
    private = [CUSTOMER, SAID, "Mina Okafor", "VPN"]
    path = save(tmp_path / "new folder", told, logs, private, NOW)
    assert path.name == "flowpilot-diagnostics-20261127-104602.zip"
    assert path.stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert names == ["README.txt", "diagnostics.txt", "tray.log", "tray.log.1", "tray.log.3", "crash.log"]
    text = everything(path)
    for secret in (TOKEN, REFRESH, CUSTOMER, "head office firewall", "hunter2", "Mina Okafor", "one-time-ticket"):
        assert secret not in text, secret
    assert "proxy-password" not in text
    assert text.count("2026-11-27 started") == 4, "the rest of the log is there"
    assert "Server: https://flow.example" in text


async def test_one_click_saves_it_and_says_where_or_why_not(
    tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "Downloads"
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _which: str(place))
    fake = Fake(tmp_path)
    fake.settings.log_path.write_text(f"{CUSTOMER} and {TOKEN}\n")
    fake.private.append(CUSTOMER)
    fake.windows.open_about()
    window = fake.windows._about
    assert window is not None
    qtbot.addWidget(window)
    window.save_button.click()
    await fake.started.pop()
    [path] = place.iterdir()
    assert str(path) in window.note.text()
    text = everything(path)
    assert "Credentials: In the system keyring" in text
    assert CUSTOMER not in text
    assert TOKEN not in text
    path.unlink()
    place.rmdir()
    place.write_text("a file in its place")
    window.save_button.click()
    await fake.started.pop()
    assert window.note.text().startswith("Not saved: ")
    fake.windows.close()
