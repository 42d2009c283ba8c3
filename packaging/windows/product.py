r"""What both Windows installers install: names, keys, the properties an administrator sets and where each goes.

Both installers are written from these tables, so that they cannot differ. Properties become defaults of the machine
(`HKLM\Software\FlowPilot`), never policy, and none is a secret.
"""

import re
import uuid
from dataclasses import dataclass
from typing import Final

NAME: Final = "FlowPilot Escalations"
MAKER: Final = "FlowPilot"
PROGRAM: Final = "flowpilot-tray.exe"
FOLDER: Final = "FlowPilot"
SCHEME: Final = "flowpilot"
RUN_NAME: Final = "FlowPilot"
APP_ID: Final = "FlowPilot.Escalations"
"""The AppUserModelID: by it Windows knows whose a notification is. The shortcut carries it, and the running program."""
UPGRADE_CODE: Final = "5C0F2B7E-3F0B-4B57-9E5D-8B7C3B0D6A41"
"""Never changed: by it Windows Installer knows that one version follows another."""
_PRODUCTS: Final = uuid.UUID("0f3b9c2e-6a4d-4f0e-8f57-2d1c9a7e5b10")

MACHINE_KEY: Final = r"Software\FlowPilot"
"""Machine defaults; the tray app reads every value of it as a setting, so nothing else is written there."""
PROGRAM_KEY: Final = r"Software\FlowPilot\Tray"
RUN_KEY: Final = r"Software\Microsoft\Windows\CurrentVersion\Run"
CLASS_KEY: Final = rf"Software\Classes\{SCHEME}"
UNINSTALL_KEY: Final = rf"Software\Microsoft\Windows\CurrentVersion\Uninstall\{FOLDER}"
"""Where the set-up enters itself; Windows Installer keeps an entry of its own."""
INSTALLER: Final = "Installer"
"""The value of `PROGRAM_KEY` that says which of the two has installed it: `msi` or `setup`; they do not mix."""
MAKE_WAY: Final = "--make-way"
START: Final = "--start-in-sessions"
KEEP: Final = "--keep-files"
APP_ID_KEY: Final = rf"Software\Classes\AppUserModelId\{APP_ID}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of the command line, empty unless it is given.

    `value_name` is the value under `MACHINE_KEY`; `also` is a value that goes with it. What is given begins with one of
    `begins`, is one of `choices`, does not hold `without`; else nothing is installed, and the log says `fault`.
    """

    name: str
    value_name: str
    fault: str
    begins: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    without: str = ""
    also: tuple[str, str] | None = None

    def condition(self) -> str:
        """As Windows Installer asks it."""
        tests = [f'{self.name} ~<< "{start}"' for start in self.begins]
        tests += [f'{self.name} = "{choice}"' for choice in self.choices]
        if self.without:
            tests.append(f'NOT ({self.name} >< "{self.without}")')
        return f'REMOVE = "ALL" OR NOT {self.name} OR ({" OR ".join(tests)})'


PROPERTIES: Final = (
    Property(
        name="SERVERURL",
        value_name="ServerUrl",
        begins=("https://", "http://"),
        fault="SERVERURL begins with https:// or http://.",
    ),
    Property(
        name="ACCOUNT",
        value_name="Account",
        without=" ",
        fault="ACCOUNT is the set-up code from Admin, Installers, without spaces.",
    ),
    Property(name="AUTOSTART", value_name="start_at_login", choices=("1", "0"), fault="AUTOSTART is 1 or 0."),
    Property(
        name="PROXY",
        value_name="proxy.url",
        without="@",
        also=("proxy.mode", "manual"),
        fault="PROXY is an address such as http://proxy:3128, without user name and password.",
    ),
    Property(name="CAFILE", value_name="CaFile", without="|", fault="CAFILE is the path of a PEM file."),
    Property(
        name="UPDATECHANNEL",
        value_name="UpdateChannel",
        choices=("stable", "early"),
        fault="UPDATECHANNEL is stable or early.",
    ),
)


def product_code(version: str) -> str:
    """The same version is the same product, whoever built it. In registry form without braces, upper case."""
    return str(uuid.uuid5(_PRODUCTS, f"product {version}")).upper()


def component_code(name: str) -> str:
    """The same in every version, so that an upgrade keeps what both have."""
    return str(uuid.uuid5(_PRODUCTS, f"component {name}")).upper()


def checked_version(version: str) -> str:
    """`major.minor.patch` within what Windows Installer can compare. Raises `ValueError`."""
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})\.(\d{1,5})", version)
    if found is None or int(found[1]) > 255 or int(found[2]) > 255 or int(found[3]) > 65535:
        raise ValueError(f"{version!r} is no version of Windows Installer: three numbers up to 255.255.65535")
    return version
