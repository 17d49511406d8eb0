"""What was waited for, in the user's own words, and what it was like when the time was over."""

from __future__ import annotations

import reprlib
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from .. import columns, source
from ..origins import Origins, RawFrame
from ..own import inspect
from ..tasks.tree import picture

NAME = "{name}"  # where the text of what was waited for goes
_FUNCTIONS = frozenset({"until"})
_ROOM = columns.TERMINAL - 4  # columns: pytest begins each line of an error with "E   "
_NAMES = 8  # of what a predicate reads, at most
_NOT_READ = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type)

_short = reprlib.Repr()
_short.maxstring = _short.maxother = 100


def failure(
    origins: Origins,
    callers: Sequence[RawFrame],
    seconds: float,
    what: str,
    lacks: str,
    state: Iterable[str],
    infos: Iterable[Any],
) -> str:
    """What did not come, on which line, what there was instead, and the tree of tasks."""
    text = _argument(origins, callers)
    if NAME in what:
        what = what.replace(NAME, _body(text) or "the predicate")
    elif text is not None:
        what += f" `{text}`" if "`" not in what else ""
    return "\n".join(
        [
            *columns.wrapped(f"{what} {lacks} within {seconds:g} s", then="  ", width=_ROOM),
            *_place(origins, callers),
            *columns.fitted(state, _ROOM),
            "the tasks:",
            *picture(origins, infos, _ROOM),
        ]
    )


def refusal(what: object, origins: Origins, callers: Sequence[RawFrame]) -> str:
    """That this can't be waited for, what can, and what to type."""
    text = _argument(origins, callers)
    lines = [f"until() can't wait for {_repr(what)}", *_place(origins, callers)]
    if text is not None and not text.isidentifier():
        better = text[:-2] if text.endswith("()") else f"lambda: {text}"
        lines += ["it was worked out once, before; to have it asked again and again:"]
        lines += [f"    await until({better})"]
    return "\n".join(
        [
            *lines,
            "it waits for a threading.Event or Thread, a concurrent.futures or asyncio Future,",
            "what has an async wait(), or a function without arguments, which it asks",
        ]
    )


def of_event(what: Any) -> Iterator[str]:
    """What an async event, or another thing of the loop, is like."""
    if hasattr(what, "is_set"):
        yield "it is not set"
    else:
        yield f"it is {_repr(what)}"


def of_predicate(
    predicate: Callable[[], Any], last: object, *, is_under_way: bool = False
) -> Iterator[str]:
    """What it gave last, or that it ``is_under_way``, and what it reads."""
    yield "it was awaited, and did not come back" if is_under_way else f"it gave {_repr(last)}"
    for name, value in _read(predicate):
        yield f"  {name} = {_repr(value)}"


def _read(predicate: Any) -> list[tuple[str, object]]:
    """The variables that a function reads, and their values: no functions, modules or classes."""
    if isinstance(predicate, partial):
        predicate = predicate.func
    found: dict[str, object] = {}
    if hasattr(predicate, "__self__"):
        found["self"] = predicate.__self__
    function = getattr(predicate, "__func__", predicate)
    if inspect.isfunction(function):
        with suppress(ValueError):  # one of its variables has no value yet
            variables = inspect.getclosurevars(function)
            found |= {**variables.nonlocals, **variables.globals}
    return [pair for pair in found.items() if not isinstance(pair[1], _NOT_READ)][:_NAMES]


def _repr(value: object) -> str:
    return _short.repr(value)  # one that raises is told by its type


def _place(origins: Origins, callers: Sequence[RawFrame]) -> Iterator[str]:
    origin = origins.locate(callers)
    if origin is not None:
        lines = (f"{origin} in {origin.function}", columns.CODE + origin.source)
        yield from (f"  {line}" for line in columns.fitted(lines, _ROOM - 2))


def _argument(origins: Origins, callers: Sequence[RawFrame]) -> str | None:
    frame = origins.users_frame(callers)
    return None if frame is None else source.first_argument(frame[0], frame[1], _FUNCTIONS, "what")


def _body(text: str | None) -> str | None:
    """What a lambda without arguments computes; the text of anything else."""
    return text if text is None else text.removeprefix("lambda: ")
