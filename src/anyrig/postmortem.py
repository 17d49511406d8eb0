"""``pytest --pdb`` at a finding: the debugger stands at the line that the finding names.

Problem: a finding is raised when the test is over, so the innermost frame is one of ours.
Approach: the error gets one frame more, of code that is made to stand on the user's line, with the
names of that module.
Limits: the variables of the function itself are gone.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from .findings import FindingError, Origin
from .own import sys


class Postmortem:
    """The hook for a failure that a debugger is about to be opened for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, call: pytest.CallInfo[Any]) -> None:
        error = None if call.excinfo is None else call.excinfo.value
        if not isinstance(error, FindingError):
            return
        origin = next((one.origin for one in error.findings if one.origin is not None), None)
        if origin is not None:
            _append(error, _line(self._root, origin))
            call.excinfo = pytest.ExceptionInfo.from_exception(error)


def _line(root: Path, origin: Origin) -> TracebackType | None:
    """A traceback of one frame that stands at a line of the user's."""
    path = str(root / origin.path)
    code = compile("\n" * (origin.lineno - 1) + "raise error", path, "exec")
    error = Exception()
    try:
        exec(code.replace(co_name=origin.function), {**_names(path), "error": error})
    except Exception as raised:  # noqa: BLE001 - it is the one that is raised there
        return None if raised.__traceback__ is None else raised.__traceback__.tb_next
    return None


def _names(path: str) -> dict[str, Any]:
    """The names of the module that is in a file."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == path:
            return dict(vars(module))
    return {"__name__": "__main__"}


def _append(error: BaseException, tail: TracebackType | None) -> None:
    last = error.__traceback__
    if last is None:
        error.__traceback__ = tail
        return
    while last.tb_next is not None:
        last = last.tb_next
    last.tb_next = tail
