"""Our own frames, kept out of the tracebacks of what others raise.

Problem: what pytest raises itself it shows in full where no line of the user's is in it, or says
that all of it is hidden; a frame of ours between its own becomes the only one that is shown.
Approach: a hook that wraps others stands in no traceback that passes it, and the modules of ours
say of themselves, once something has failed, that their frames are to be hidden.
Limits: ``--full-trace`` shows what is hidden, as it is meant to.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from .own import sys

_HIDE = "__tracebackhide__"
_PACKAGES = ("anyrig", "anyrig_compat")

Hook = Callable[[Any, pytest.Item], Generator[None, Any, Any]]


def wrapper(function: Hook) -> Hook:
    """A hook for an item that wraps others, written as the newer sort of wrapper, as the older.

    The older is told what the others gave or raised, and nothing is raised through it.
    """

    def hook(self: Any, item: pytest.Item) -> Generator[None, Any, None]:
        around = function(self, item)
        next(around)
        outcome = yield
        error = outcome.exception
        traceback = None if error is None else error.__traceback__
        try:
            if error is None:
                around.send(outcome.get_result())
            else:
                around.throw(error)
        except StopIteration as stop:
            outcome.force_result(stop.value)
        except BaseException as raised:  # noqa: BLE001 - it is raised, in the place of the other
            if raised is error:
                raised.__traceback__ = traceback
            outcome.force_exception(raised)
        finally:
            error = None  # or its traceback would keep this frame

    hook.__name__, hook.__qualname__ = function.__name__, function.__qualname__
    hook.__doc__ = function.__doc__
    return hook


class Hidden:
    """Has pytest hide the frames of our modules, those included that are imported late."""

    def __init__(self) -> None:
        self._seen = 0  # how many modules there were

    def ensure(self) -> None:
        """Something has failed, and is about to be shown."""
        modules = sys.modules
        if len(modules) == self._seen:
            return
        self._seen = len(modules)
        for name, module in list(modules.items()):
            if name.partition(".")[0] in _PACKAGES and module is not None:
                vars(module).setdefault(_HIDE, True)
