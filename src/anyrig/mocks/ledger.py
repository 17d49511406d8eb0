"""One record a call of an async double: what it was given, where, and whether it was awaited."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from ..backends import task_name
from ..findings import MockError
from ..origins import Origins, RawFrame
from ..own import os, sys
from ..seams.doubles import is_below
from ..seams.unittest_mock import is_mock_file, mock_name, words_of_arguments
from . import mistakes, targets
from .nature import Unknown

__tracebackhide__ = True  # a traceback ends at the line of the user's

_HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep
_DEPTH = 4  # a decorator or two, and the line that it is about


@dataclass(eq=False, slots=True)
class Call:
    """One call; ``task`` is who awaited it.

    ``outcome`` is None until it ends, then "returned", or the name of what it raised. ``closed``
    has the names of the coroutines that it was given and has closed. ``walked``
    is what `frames` is made of: flat, as the garbage collector walks what is in it each time.
    """

    double: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    walked: tuple[CodeType | int, ...]
    awaited: bool = False
    task: str | None = None
    outcome: str | None = None
    closed: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The double's dotted name."""
        return mock_name(self.double)

    @property
    def frames(self) -> tuple[RawFrame, ...]:
        """The frames of the caller, innermost first."""
        return frames_of(self.walked)

    def __str__(self) -> str:
        return f"{self.name}({words_of_arguments(self.args, self.kwargs)})"


class Ledger:
    """The calls of the doubles that come of one `create`; ``delay`` is in seconds."""

    def __init__(self, *, checkpoint: bool = True, delay: float = 0) -> None:
        self.calls: list[Call] = []
        self.lines: dict[int, tuple[CodeType | int, ...]] | None = None  # see `unused.Told`
        self.replaced: targets.Replaced | None = None  # by a patch of a module
        self._lets_go = checkpoint or delay > 0
        self._delay = delay

    def called(self, double: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        """Record a call."""
        call = Call(double, args, kwargs, caller())
        self.calls.append(call)
        return call

    def configured(self, double: Any) -> None:
        """A double was told what to give, or to do."""
        if self.lines is not None:
            self.lines[id(double)] = caller()

    def started(self, call: Call) -> bool:
        """Record who awaits it; gives whether it is to let go of the loop."""
        call.awaited = True
        call.task = task_name()
        return self._lets_go and call.task is not None

    def ended(self, call: Call, error: BaseException | None) -> None:
        """Record how it came to its end."""
        # the name alone: an error holds its traceback, and so all that the test had
        call.outcome = "returned" if error is None else type(error).__name__

    async def stepped(self) -> None:
        """Pass a checkpoint, or as much time as was asked for; without a loop, neither."""
        if not self._lets_go or task_name() is None:
            return
        from ..own import anyio

        if self._delay:
            await anyio.sleep(self._delay)
        else:
            await anyio.lowlevel.checkpoint()

    def records(self, double: Any) -> list[Call]:
        """The calls of one double, in their order."""
        return [call for call in self.calls if call.double is double]

    def records_below(self, double: Any) -> list[Call]:
        """The calls of a double and of all that comes of it."""
        return [call for call in self.calls if is_below(call.double, double)]

    def forget(self, double: Any) -> None:
        """Drop the calls of one double."""
        self.calls[:] = [call for call in self.calls if call.double is not double]

    def check(self, calls: Sequence[Call]) -> None:
        """Raise ``AssertionError`` where one of these was not awaited."""
        _fail(f"`{call}` was called at {_where(call)} and never awaited" for call in calls
              if not call.awaited)  # fmt: skip

    def check_ended(self, calls: Sequence[Call]) -> None:
        """Raise ``AssertionError`` where one of these was not awaited, or is not at its end."""
        self.check(calls)
        _fail(f"`{call}`, called at {_where(call)}, has not come to its end: {call.task} awaits it"
              for call in calls if call.outcome is None)  # fmt: skip

    accept = staticmethod(mistakes.check_given)
    accept_result = staticmethod(mistakes.check_effect)

    def hint(self) -> str | None:
        """Why its doubles may not have been called."""
        return self.replaced.hint() if self.replaced is not None else None

    def unknown(self, name: str, nature: Unknown) -> NotGiven:
        """What stands where nothing says what there is."""
        return NotGiven(name, nature.hint)


class NotGiven:
    """What a double gives where nothing says what: to be passed on and compared, no more."""

    __slots__ = ("_hint", "_name")
    _hint: str | None
    _name: str

    def __init__(self, name: str, hint: str | None) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_hint", hint)

    def __repr__(self) -> str:
        return f"<what {self._name} gives: not said>"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what copy, pickle, inspect and pytest ask of any object
            raise AttributeError(name)
        raise self._error(f"asked for `.{name}`")

    def __setattr__(self, name: str, value: object) -> None:
        raise self._error(f"given `.{name}`")

    def __call__(self, *args: object, **kwargs: object) -> Any:
        raise self._error("called")

    def __bool__(self) -> bool:
        raise self._error("asked whether it is true")

    def __iter__(self) -> Any:
        raise self._error("iterated over")

    def __getitem__(self, key: object) -> Any:
        raise self._error("asked for an item")

    def _error(self, what: str) -> MockError:
        why = "nothing says what it is: it has no annotation"
        if self._hint is not None:
            why = f"no double can stand for its annotation {self._hint}"
        give = self._name.replace("()", ".return_value")
        return MockError(f"`{self._name}` was {what}, and {why}\n\nmend:   {give} = ...")


def _fail(lines: Iterable[str]) -> None:
    text = "\n".join(lines)
    if text:
        raise AssertionError(text)


def _where(call: Call) -> str:
    origin = Origins(Path.cwd()).locate(call.frames)
    return str(origin) if origin is not None else "an unknown line"


def frames_of(walked: tuple[CodeType | int, ...]) -> tuple[RawFrame, ...]:
    """The frames that `caller` has walked, innermost first."""
    codes: Any = zip(walked[::2], walked[1::2], strict=True)
    return tuple((code.co_filename, line, code.co_name) for code, line in codes)


def caller() -> tuple[CodeType | int, ...]:
    """The innermost frames outside of mocks: code and line in turn, for `frames_of`."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and _is_inside(frame.f_code.co_filename):
        frame = frame.f_back
    walked: list[CodeType | int] = []
    while frame is not None and len(walked) < 2 * _DEPTH:
        walked += (frame.f_code, frame.f_lineno)
        frame = frame.f_back
    return tuple(walked)


@functools.cache  # asked for each frame of each call; there are as many as files that call
def _is_inside(filename: str) -> bool:
    return filename.startswith(_HERE) or is_mock_file(filename)
