"""Every setting of the tray app, in one table: name, kind, default, what it may be, what it does.

A value that is not of its kind is refused, whoever wrote it: `Setting.accept` raises `ValueError` with one plain line.
Values are plain: `bool`, `int`, `str`, and for days a tuple of `mon` … `sun` in the week's order.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

Value = bool | int | str | tuple[str, ...]
Kind = Literal["bool", "int", "choice", "text", "time", "days"]

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PRIORITIES: Final = ("urgent", "high", "normal", "low")
COLUMNS: Final = ("toast", "sound", "repeat", "quiet")
LONGEST_TEXT: Final = 2048
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One line of the table.

    `choices` are the words of a choice; `low` and `high` bound a number. One that is not `lockable` is the user's own
    whatever a policy says (accessibility, taste): a policy's value is then where the user starts from. One that is not
    `personal` is read from policy, command line and machine only.
    """

    name: str
    kind: Kind
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    lockable: bool = True
    personal: bool = True

    def accept(self, value: object) -> Value:
        """The value in its plain form, from JSON, a registry, a property list or a word. Raises `ValueError`."""
        match self.kind:
            case "bool":
                return self._bool(value)
            case "int":
                return self._int(value)
            case "days":
                return self._days(value)
            case _:
                return self._words(value)

    def _bool(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in _YES or word in _NO:
            return word in _YES
        raise ValueError(f"{self.name} is true or false, not {value!r}")

    def _int(self, value: object) -> int:
        number = int(value) if isinstance(value, str) and value.strip().isdecimal() else value
        if isinstance(number, bool) or not isinstance(number, int) or not self.low <= number <= self.high:
            raise ValueError(f"{self.name} is a whole number from {self.low} to {self.high}, not {value!r}")
        return number

    def _days(self, value: object) -> tuple[str, ...]:
        words = value.replace(",", " ").split() if isinstance(value, str) else value
        if not isinstance(words, list | tuple) or not all(word in DAYS for word in words):
            raise ValueError(f"{self.name} is a list of {', '.join(DAYS)}, not {value!r}")
        return tuple(day for day in DAYS if day in words)

    def _words(self, value: object) -> str:
        if not isinstance(value, str) or len(value) > LONGEST_TEXT or not (value.isprintable() or not value):
            raise ValueError(f"{self.name} is a text of one line, not {str(value)[:40]!r}")
        if self.kind == "choice" and value not in self.choices:
            raise ValueError(f"{self.name} is one of {', '.join(self.choices)}, not {value!r}")
        if self.kind == "time" and not _TIME.fullmatch(value):
            raise ValueError(f"{self.name} is a time such as 18:00, not {value!r}")
        return value.strip()


# What each priority does unless somebody says otherwise.
_MATRIX: Final = {
    "urgent": (True, True, True, True),
    "high": (True, True, False, False),
    "normal": (True, False, False, False),
    "low": (True, False, False, False),
}
_DOES: Final = {
    "toast": "show a notification",
    "sound": "play the sound",
    "repeat": "repeat the sound until it is acted on",
    "quiet": "come through in quiet hours",
}


def _matrix() -> tuple[Setting, ...]:
    return tuple(
        Setting(
            name=f"notify.{priority}.{column}",
            kind="bool",
            default=_MATRIX[priority][place],
            description=f"{priority.capitalize()} escalations {_DOES[column]}",
        )
        for priority in PRIORITIES
        for place, column in enumerate(COLUMNS)
    )


TABLE: Final[tuple[Setting, ...]] = (
    Setting(name="server", kind="text", default="", personal=False, description="Address of the FlowPilot server"),
    Setting(
        name="organisation",
        kind="text",
        default="",
        personal=False,
        description="Who manages this computer, named beside what is locked",
    ),
    Setting(
        name="account",
        kind="text",
        default="",
        personal=False,
        description="Set-up code from Admin, Installers: which account this computer's people sign in to",
    ),
    Setting(name="ca_file", kind="text", default="", personal=False, description="PEM file with further authorities"),
    *_matrix(),
    Setting(
        name="notify.scope",
        kind="choice",
        default="all",
        choices=("all", "mine_and_unassigned", "mine"),
        description="Which escalations notify: all that can be claimed, those for me or nobody, only those for me",
    ),
    Setting(name="sound.name", kind="choice", default="soft", choices=("soft", "none"), description="The sound"),
    Setting(name="sound.repeat_s", kind="int", default=60, low=10, high=600, description="Seconds between repeats"),
    Setting(
        name="lock_screen.text",
        kind="choice",
        default="brief",
        choices=("full", "brief", "none"),
        description="What a notification says on a locked screen: all, priority and customer only, nothing of it",
    ),
    Setting(name="quiet.enabled", kind="bool", default=False, description="Quiet hours"),
    Setting(name="quiet.days", kind="days", default=DAYS, description="Days on which quiet hours begin"),
    Setting(name="quiet.from", kind="time", default="18:00", description="When quiet hours begin, on the local clock"),
    Setting(
        name="quiet.to", kind="time", default="08:00", description="When they end; if that is earlier, the next day"
    ),
    Setting(name="start_at_login", kind="bool", default=True, description="Start when the user logs in"),
    Setting(name="keep_in_tray", kind="bool", default=True, description="Keep running when the window closes"),
    Setting(name="browser", kind="text", default="", description="Command that opens sessions; empty: the default"),
    Setting(
        name="theme",
        kind="choice",
        default="system",
        choices=("system", "light", "dark"),
        lockable=False,
        description="Colours",
    ),
    Setting(name="hotkey", kind="text", default="", lockable=False, description="Global shortcut for the queue"),
    Setting(
        name="single_letter_keys", kind="bool", default=True, lockable=False, description="Keys such as J, K and C"
    ),
    Setting(name="language", kind="choice", default="en", choices=("en",), lockable=False, description="Language"),
    Setting(
        name="proxy.mode",
        kind="choice",
        default="system",
        choices=("system", "none", "manual"),
        description="How the server is reached",
    ),
    Setting(name="proxy.url", kind="text", default="", description="The manual proxy, for instance http://proxy:3128"),
    Setting(
        name="update.mode",
        kind="choice",
        default="auto",
        choices=("auto", "notify", "off"),
        description="Newer versions: installed where the app may do so itself, told of only, not looked for",
    ),
    Setting(
        name="update.channel",
        kind="choice",
        default="stable",
        choices=("stable", "early"),
        description="Which releases are offered: those that others have run for a while, or each at once",
    ),
    Setting(
        name="update.pin",
        kind="text",
        default="",
        personal=False,
        description="Stay within this version, for instance 1.2 for every 1.2.x; empty: no bound",
    ),
    Setting(name="set_up", kind="bool", default=False, description="The first run has been gone through"),
)
BY_NAME: Final[dict[str, Setting]] = {setting.name: setting for setting in TABLE}
