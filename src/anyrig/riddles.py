"""What asyncio, anyio and pytest raise in riddles: what we know more, and what to type.

Problem: "in a different task" does not say who has left the scope, and a ScopeMismatch names a
fixture that no suite has. What asyncio says of other loops is in `loop_riddles`.
Approach: each is known by its words; the frames of its traceback have the thing that it is about.
Limits: what is said in other words, by another version, is told as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from . import loop_riddles, safe
from .columns import wrapped
from .loop_riddles import Known
from .own import inspect, os, traceback
from .report.words import CODE, mend_lines
from .who_runs import SERVICE, other_runner

_SCOPE = "Attempted to exit cancel scope in a different task"
_MISMATCH = r"ScopeMismatch: .* (\w+) scoped fixture anyio_backend with a (\w+) scoped request"
_ASKED = r"Requesting fixture stack:\n.*:  def (\w+)\("
_WRAPPER = "wrapper"  # what anyio's plugin calls the function of each async fixture
_OURS = os.path.join("anyrig", "backend_fixture.py")
_KINDS = (RuntimeError, ValueError, AssertionError, pytest.fail.Exception)
_PYTESTS = os.path.join("_pytest", "fixtures.py")


class Riddles:
    """Explains what tests fail with, for one run."""

    def __init__(self) -> None:
        self._mismatch: tuple[str, ...] = ()  # the mend of a ScopeMismatch that was told

    def explain(self, error: BaseException, known: Known) -> str | None:
        """The text that stands below the failure; None where there is nothing to say."""
        for one in _within(error):
            lines = list(self._lines(one, known))
            if lines:
                return "\n".join(map(safe.line, lines))
        return None

    def _lines(self, error: BaseException, known: Known) -> Iterator[str]:
        if not isinstance(error, _KINDS):
            return
        said = safe.said_by(error)
        if isinstance(error, pytest.fail.Exception):
            yield from self._of_mismatch(said, known)
        elif isinstance(error, RuntimeError) and _SCOPE in said:
            yield from _of_scope(error, known)
        elif isinstance(error, RuntimeError | ValueError):
            yield from loop_riddles.lines(error, said, known)
        elif self._mismatch and not error.args and _is_pytests(error):
            yield from wrapped(
                "this is pytest's own error, and comes of the ScopeMismatch before it"
            )
            yield ""
            yield from mend_lines(self._mismatch)

    def _of_mismatch(self, said: str, known: Known) -> Iterator[str]:
        found = re.search(_MISMATCH, said)
        if found is None:
            return
        scope, wider = found.groups()
        asked = re.search(_ASKED, said)
        latest = known.fixtures.latest()
        name = asked[1] if asked is not None else _WRAPPER
        takes_it = name != _WRAPPER
        if not takes_it and latest is not None:
            name, takes_it = latest.argname, hasattr(latest.func, SERVICE)
        yield from wrapped(
            f"the async fixture `{name}` is of {wider} scope, and runs on what `anyio_backend` "
            f"gives, which is of {scope} scope: no fixture can be wider than what it asks for"
        )
        yield ""
        if _OURS in said:
            self._mismatch = ("in the settings:", f'{CODE}anyrig_backend_scope = "{wider}"')
            if not takes_it:
                follows = f"give `{name}` the argument `anyio_backend`: each backend has its own"
                self._mismatch += (f"and {follows}",)
            self._mismatch += (f"or give `{name}` the scope {scope!r}",)
        else:
            self._mismatch = (f"give your fixture `anyio_backend` the scope {wider!r}",)
        yield from mend_lines(self._mismatch)


def _of_scope(error: BaseException, known: Known) -> Iterator[str]:
    """A cancel scope of anyio's that an async generator has left in another task."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    users = [frame for frame in frames if known.origins.is_users(frame.f_code.co_filename)]
    code = users[-1].f_code if users else None
    if code is None or not code.co_flags & inspect.CO_ASYNC_GENERATOR:
        return
    name = safe.name(code.co_name)
    runner = other_runner(known.item)
    if runner is not None and name in getattr(known.item, "fixturenames", ()):
        yield from wrapped(
            f"{runner.name} runs the setup and the teardown of the fixture `{name}` in two tasks, "
            "and a cancel scope (that of a task group, of a timeout) is to be left in the task "
            "that has entered it; anyio's plugin runs them in one"
        )
        mend = runner.ways
    else:
        yield from wrapped(
            f"the async generator `{name}` yields within a cancel scope (that of a task group, of "
            "a timeout), and another task than the one that has entered it has closed it"
        )
        mend = (
            "close it in the task that iterates it:",
            f"{CODE}async with contextlib.aclosing({name}(...)) as items:",
        )
    yield ""
    yield from mend_lines(mend)


def _is_pytests(error: BaseException) -> bool:
    """Whether pytest's fixtures themselves have raised it."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_code.co_filename.endswith(_PYTESTS)


def _within(error: BaseException) -> Iterable[BaseException]:
    """An error, all in it and behind it; each once."""
    seen: dict[int, BaseException] = {}
    rest: list[Any] = [error]
    while rest:
        one = rest.pop()
        if one is not None and id(one) not in seen:
            seen[id(one)] = one
            rest += (one.__cause__, one.__context__)
            rest += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
    return seen.values()
