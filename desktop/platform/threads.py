"""A thread for each blocking call, none of which the end of the program waits for.

Name lookups may hang for half a minute on a network that has gone; the loop's own pool would be waited for at the end,
and a small pool would make the lookup after the resume stand in line behind those that hang.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Threads(Executor):
    """For a loop's `set_default_executor`. Calls are few: lookups, and now and then a file."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> "Future[_T]":
        """Begin at once."""
        future: Future[_T] = Future()
        threading.Thread(target=_work, args=(future, fn, args, kwargs), daemon=True, name="blocking call").start()
        return future


def _work(future: "Future[_T]", fn: Callable[..., _T], args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = fn(*args, **kwargs)
    except BaseException as exc:  # noqa: BLE001 - whoever waits gets it
        future.set_exception(exc)
    else:
        future.set_result(result)
