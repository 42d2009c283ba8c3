"""`flowpilot-tray`: the command line. Everything heavy is imported once the arguments are known to be good."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, NoReturn

from desktop.core.links import handoff_of, is_link
from desktop.platform import keyring_helper
from desktop.platform.keyring_store import HELPER_OPTION
from desktop.platform.meeting import Errand, Place, hand_over
from desktop.settings import Settings, SettingsError, load
from desktop.version import version

BAD_USAGE: Final = 2
NO_DISPLAY: Final = 1
NOT_DONE: Final = 1
TOKEN_MOST: Final = 4096


class _Parser(argparse.ArgumentParser):
    """Errors in one plain line, exit 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave."""
        self.exit(BAD_USAGE, f"{self.prog}: {message}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tray app; answers the exit code (0, 1 without a display, 2 on bad usage or a token that is refused)."""
    _streams()
    given = list(sys.argv[1:] if argv is None else argv)
    if len(given) == 1 and (errand_of_ours := _OURS.get(given[0])) is not None:
        return errand_of_ours()
    parser = _parser()
    options = parser.parse_args(argv)
    errand = _errand(parser, options)
    if options.version:
        sys.stdout.write(f"flowpilot-tray {version()}\n")
        return 0
    try:
        settings = load(
            server=options.server,
            profile=options.profile,
            data_dir=options.data_dir,
            overrides=options.set,
            write=not options.print_settings,
        )
    except SettingsError as exc:
        parser.error(str(exc))
    if options.print_settings:
        return _print(settings)
    if options.register or options.unregister:
        return _links(settings.profile, register=options.register)
    return _start(parser, options, settings, errand)


def _streams() -> None:
    """A Windows program that was started by no console has none of the three; what is said then goes nowhere."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - to the end


def _update_helper() -> int:
    from desktop.updates import helper  # noqa: PLC0415 - a process of its own

    return helper.main()


def _self_check() -> int:
    """Whether all that this program needs is here: asked of a new version before it takes the old one's place."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication  # noqa: PLC0415 - Qt

    import desktop.app  # noqa: PLC0415
    import desktop.desk  # noqa: PLC0415
    import desktop.windows  # noqa: F401, PLC0415

    QApplication(sys.argv[:1])
    sys.stdout.write(f"flowpilot-tray {version()}\n")
    return 0


def _installers(option: str) -> int:
    from desktop.platform import make_way  # noqa: PLC0415 - on demand

    return make_way.run(option)


FOR_INSTALLERS: Final = ("--make-way", "--start-in-sessions", "--keep-files")
"""On Windows, before the files are replaced and after; the last where some of them wait for a restart."""
_OURS: Final[dict[str, Callable[[], int]]] = {
    HELPER_OPTION: keyring_helper.main,
    "--update-helper": _update_helper,
    "--self-check": _self_check,
    **{option: partial(_installers, option) for option in FOR_INSTALLERS},
}
"""What this program asks of itself, in a process of its own."""


def _start(parser: _Parser, options: argparse.Namespace, settings: Settings, errand: Errand) -> int:
    token = _token_from_stdin(parser) if options.token_stdin else None
    if token is not None and settings.server is None:
        parser.error("--token-stdin needs --server URL the first time")
    if options.autostart and not settings.store.flag("start_at_login"):
        return 0  # an installer's entry is for everybody; a policy or the user said no
    if not _has_display():
        sys.stderr.write("flowpilot-tray: there is no display here; start it in a desktop session\n")
        return NO_DISPLAY
    if hand_over(Place.of(settings.profile), errand):
        return 0
    if getattr(sys, "frozen", False):
        _on_trial(settings)
    from desktop.app import run  # noqa: PLC0415 - Qt, which bad usage and a second start do not need

    return run(settings, token, errand)


def _on_trial(settings: Settings) -> None:
    """A new version that has not lasted twice gives its place back to the former one, which is started."""
    from desktop.updates.staging import go_back, own_folder  # noqa: PLC0415 - portable installations alone
    from desktop.updates.state import begun, read, write  # noqa: PLC0415 - the same

    install, folder = own_folder(), settings.folder.parent / "updates"
    if install is None or not folder.is_dir():
        return
    known = read(folder)
    now, failed = begun(known, version())
    if now == known:
        return
    try:
        write(folder, now)
        back = failed and go_back(install)
    except OSError as exc:
        sys.stderr.write(f"flowpilot-tray: the former version could not be brought back: {exc.strerror or exc}\n")
        return
    if back:
        from desktop.platform.renewed import start_again  # noqa: PLC0415 - the former version

        start_again(sys.argv[1:])


def _parser() -> _Parser:
    parser = _Parser(
        prog="flowpilot-tray",
        description="FlowPilot Escalations in the tray: escalations arrive as notifications, one click claims.",
    )
    parser.add_argument(
        "--server", metavar="URL", help="the FlowPilot server, for instance https://flowpilot.example.com"
    )
    parser.add_argument("--profile", metavar="NAME", default="default", help="keep several sign-ins apart")
    parser.add_argument(
        "--token-stdin", action="store_true", help="sign in with a personal access token from standard input"
    )
    parser.add_argument("--data-dir", metavar="DIR", help="where the log and the profile are kept")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a setting for this start; may be repeated"
    )
    parser.add_argument("--print-settings", action="store_true", help="print each setting, its value and its origin")
    parser.add_argument("--register", action="store_true", help="let flowpilot: links open here, and exit")
    parser.add_argument("--unregister", action="store_true", help="take that back, and exit")
    parser.add_argument(
        "--autostart", action="store_true", help="start because of a login: stay away where start_at_login is off"
    )
    parser.add_argument("link", nargs="?", metavar="LINK", help="flowpilot://open/ID shows that escalation")
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    return parser


def _errand(parser: _Parser, options: argparse.Namespace) -> Errand:
    """What a link asks for. Links come from strangers, so nothing else on the command line goes with one."""
    if options.link is None:
        return Errand()
    handoff_id = handoff_of(options.link)
    if handoff_id is None:
        what = "no link of this version" if is_link(options.link) else "neither an option nor a link"
        parser.error(f"{options.link[:80]!r} is {what}; a link looks like flowpilot://open/ID")
    alone = {"link", "profile", "data_dir"}
    if any(value for name, value in vars(options).items() if name not in alone):
        parser.error("a link only shows an escalation; it takes no other option than --profile and --data-dir")
    return Errand(handoff_id)


def _print(settings: Settings) -> int:
    sys.stdout.write("".join(f"{line}\n" for line in settings.store.lines()))
    sys.stderr.write("".join(f"flowpilot-tray: {line}\n" for line in settings.store.trouble()))
    return 0


def _links(profile: str, *, register: bool) -> int:
    from desktop.platform.scheme import of_this_computer  # noqa: PLC0415 - on demand

    handler = of_this_computer(profile)
    try:
        handler.register() if register else handler.unregister()
    except OSError as exc:
        sys.stderr.write(f"flowpilot-tray: links could not be set up: {exc.strerror or exc}\n")
        return NOT_DONE
    sys.stdout.write(f"flowpilot: links {'open here' if register else 'do not open here any more'}\n")
    return 0


def _token_from_stdin(parser: _Parser) -> str:
    text = sys.stdin.readline(TOKEN_MOST + 1).strip()
    if not text or len(text) > TOKEN_MOST or not text.isascii() or any(char.isspace() for char in text):
        parser.error("standard input holds no personal access token")
    return text


def _has_display() -> bool:
    if sys.platform != "linux":
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))


if __name__ == "__main__":
    sys.exit(main())
