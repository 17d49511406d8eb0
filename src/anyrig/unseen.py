"""Our own frames, kept out of the tracebacks of what others raise.

Problem: what pytest raises itself it shows in full where no line of the user's is in it, or says
that all of it is hidden; a frame of ours between its own becomes the only one that is shown.
Approach: a hook that wraps others is in no file, as generated code is, and pytest leaves such
frames out together with its own. (A wrapper of pluggy's older sort stands in no traceback at all,
and is ten calls of Python more for each phase of each test.) The modules of ours say of themselves,
once something has failed, that their frames are to be hidden.
Limits: ``--full-trace`` and ``--tb=native`` show what is hidden: there a wrapper is the line
``File "<a hook of anyrig>"``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from .own import sys

_HIDE = "__tracebackhide__"
_PACKAGES = ("anyrig", "anyrig_compat")

_NO_FILE = "<a hook of anyrig>"  # between angle brackets: what pytest knows generated code by

F = TypeVar("F", bound=Callable[..., Any])


def wrapper(function: F) -> F:
    """A hook that wraps others, as code of no file: see the module."""
    function.__code__ = function.__code__.replace(co_filename=_NO_FILE)
    return function


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
