"""What to write where what a sync double gives is awaited, which is Python's own `TypeError`.

Problem: an object that told more would have to be awaitable, and so look async to whoever asks.
Approach: when a test has failed with that error, or a patch is about to be undone for it, its line
is read again: the refused expression, by the instruction's own place in the source, and whose call
it is, along names and plain attributes. Where no mock is there any more, the class that the error
names still says that it was one's.
Limits: a double behind a property, an index or another call is not found; nor is one in code whose
source is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from ..own import ast, inspect, os, textwrap
from ..seams import doubles as seam
from ..seams import unittest_mock
from ..seams.cpython.refused import Refusal, refusal
from . import nature as natures
from .readings import is_known_sync

_MISSING = object()
_LONG = 50
_WIDTH = 75  # pytest puts a margin before each line
# the first is that of Python 3.14 and newer, the second that of older ones
_TEXT = re.compile(
    r"'(?P<awaited>\S+)' object can't be awaited"
    r"|object (?P<was_awaited>\S+) can't be used in 'await' expression"
    r"|'(?P<entered>.+)' object does not support the asynchronous context manager protocol"
    r"|'async for' requires an object with __aiter__ method, got (?P<iterated>\S+)"
)
_MOCKS = ("Mock", "MagicMock", "NonCallableMock", "NonCallableMagicMock", "AsyncMock")
# what to write for something that is sync
_INSTEAD = {
    "await": "write it without `await`",
    "async with": "write `with` in place of `async with`",
    "async for": "write `for` in place of `async for`",
}
# whose names for what they were given tell nobody anything
_LIBRARIES = ("asyncio", "anyio", "trio")


class _Real(NamedTuple):
    """What a mock stands for."""

    called: natures.Called | None  # None where nothing is known of it
    gives_awaitable: bool
    is_told: bool  # whether anything says what a call gives
    place: str  # " (path:line)", or nothing


_UNKNOWN = _Real(None, False, False, "")


def explain(error: BaseException, *, is_patched: bool = False) -> None:
    """Add a note to each error that comes of awaiting what a sync double gives.

    In a group and in the errors behind an error, too. With ``is_patched`` not where nothing says
    what the double stands for: when the patch is undone, the real thing is in its place.
    """
    seen: set[int] = set()
    to_do = [error]
    while to_do:
        one = to_do.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        to_do += [behind for behind in (one.__cause__, one.__context__) if behind is not None]
        if isinstance(one, BaseExceptionGroup):
            to_do += one.exceptions
        elif isinstance(one, TypeError) and not any(map(_is_ours, getattr(one, "__notes__", ()))):
            text = _note(one, is_patched)
            if text is not None:
                one.add_note(textwrap.fill(text, _WIDTH, break_long_words=False))


def _is_ours(note: object) -> bool:
    return str(note).startswith("anyrig: `")


def _note(error: TypeError, is_patched: bool) -> str | None:
    found = _TEXT.match(str(error))
    traceback = error.__traceback__
    if found is None or traceback is None:
        return None
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    refused = refusal(traceback)
    operand = None if refused is None else _operand(refused)
    if refused is None or operand is None:
        return None
    # Python 3.14 has the module before the class
    class_name = next(word for word in found.groups() if word is not None).rpartition(".")[2]
    return _Refused(operand, traceback, refused.keyword, class_name).note(is_patched)


def _operand(refused: Refusal) -> ast.expr | None:
    """The expression that was refused."""
    tree = _parsed(refused.text)
    if isinstance(tree, ast.Expr):
        return tree.value.value if isinstance(tree.value, ast.Await) else tree.value
    # up to Python 3.12 the whole statement is its place
    if isinstance(tree, ast.AsyncFor):
        return tree.iter
    if isinstance(tree, ast.AsyncWith):
        return tree.items[refused.item % len(tree.items)].context_expr
    return None


def _parsed(text: str) -> ast.stmt | None:
    for source in (text, f" (\n{text}\n )"):
        try:
            tree = ast.parse(f"async def function():\n{source}")
        except SyntaxError:
            continue
        function = tree.body[0]
        return function.body[0] if isinstance(function, ast.AsyncFunctionDef) else None
    return None


class _Refused:
    """An expression that could not be awaited, entered or iterated, and what gave its value."""

    def __init__(
        self, operand: ast.expr, traceback: TracebackType, keyword: str, class_name: str
    ) -> None:
        self._is_call = isinstance(operand, ast.Call)
        giver = operand.func if isinstance(operand, ast.Call) else operand
        self._name = textwrap.shorten(ast.unparse(giver), _LONG, placeholder="...")
        self._thing = _resolved(giver, traceback.tb_frame)
        self._frame = traceback.tb_frame
        module = str(traceback.tb_frame.f_globals.get("__name__"))
        self._is_librarys = module.partition(".")[0] in _LIBRARIES
        self._keyword = keyword
        self._class_name = class_name  # of what was refused

    def note(self, is_patched: bool) -> str | None:
        """What to write; None where no mock has to do with it, or more will be known later."""
        thing = self._thing
        if not seam.is_mock(thing):
            return self._of_gone() if self._is_mocks_class() and not is_patched else None
        if unittest_mock.is_async_mock(thing):
            return self._of_async(thing)
        mock = unittest_mock.called_mock(thing)
        if mock is not thing and not self._is_call and not unittest_mock.is_async_mock(mock):
            # a name for what a call has given
            self._name = unittest_mock.mock_name(mock)
        elif self._is_librarys:
            self._name = unittest_mock.mock_name(thing)
        else:
            mock = thing
        kind = "double" if unittest_mock.is_double(mock) else type(mock).__name__
        real = _real_of(mock)
        if is_patched and real.called is None and self._is_mocks_class():
            return None
        return self._of_sync(kind, real)

    def _is_mocks_class(self) -> bool:
        """Whether the class that the error names is `unittest.mock`'s, as far as is known."""
        name, frame = self._class_name, self._frame
        own = self._thing if isinstance(self._thing, type) else frame.f_globals.get(name)
        is_own = isinstance(own, type) and own.__name__ == name and not seam.is_mock_class(own)
        return name in _MOCKS and not is_own

    def _of_sync(self, kind: str, real: _Real) -> str:
        name, keyword = self._name, self._keyword
        what = f"anyrig: `{name}` is a {kind}"
        if real.called is natures.Called.ASYNC:
            return f"{what} in the place of what is async{real.place}: {_as_the_real_one()}"
        if real.called is natures.Called.ASYNC_GENERATOR and keyword == "await":
            return (
                f"{what} of an async generator{real.place}, which `async for` iterates: nothing is "
                f"there to await"
            )
        if real.called is None:
            return f"{what}, which is sync, and nothing says what it stands for. {self._either()}"
        if real.gives_awaitable and keyword == "await":
            return (
                f"{what} of what gives an awaitable{real.place}, and gave none: have it give one, "
                f"{self._giving()}"
            )
        if not real.is_told:
            return (
                f"{what}, and nothing says what the real one gives{real.place}: say it, "
                f"{self._giving()}"
            )
        return (
            f"{what} of what is sync{real.place}, and this line has `{keyword}` for it: "
            f"{_INSTEAD[keyword]}"
        )

    def _giving(self) -> str:
        """What to type where what a call gives is awaited, entered or iterated over."""
        name = self._name
        if self._keyword == "await":
            return f'{name} = mocks.stub("{name.rpartition(".")[2]}", return_value=...)'
        if self._keyword == "async with":
            return f"{name}.return_value = mocks.create(...) of the class that it is of"
        return f"{name}.return_value = ... that can be iterated over by `async for`"

    def _of_async(self, mock: Any) -> str | None:
        name, keyword = self._name, self._keyword
        if not self._is_call:
            return (
                f"anyrig: `{name}` is a mock of what is async, and this line has `{keyword}` for "
                f"itself: call it, `{keyword} {name}(...)`"
            )
        if self._class_name != "coroutine" or unittest_mock.is_double(mock):
            return None
        return (
            f"anyrig: `{name}` is an AsyncMock, so a call of it gives a coroutine, and this line "
            f"has `{keyword}` for it. Make the double of the real one, mocks.create(...) of its "
            f"class; or put a MagicMock there, whose calls are no coroutines, and have `{keyword}`"
        )

    def _of_gone(self) -> str:
        """The mock has gone: the real thing is back, or it was never under this name."""
        call = "()" if self._is_call else ""
        what = f"anyrig: `{self._name}{call}` was a {self._class_name} here, which is sync"
        real = _real_behind(self._thing)
        if real.called is natures.Called.ASYNC and self._is_call:
            return f"{what}, and the real one is async{real.place}: {_as_the_real_one()}"
        return f"{what}. {self._either()}"

    def _either(self) -> str:
        return (
            "Where that is async, make the double of it, mocks.create(...) of its class, or use an "
            f"AsyncMock; where it is sync, {_INSTEAD[self._keyword]}"
        )


def _as_the_real_one() -> str:
    return (
        "make the double of the real one, mocks.create(...) of its class or "
        "patch(..., autospec=True), or use an AsyncMock"
    )


def _resolved(expression: ast.expr, frame: FrameType) -> Any:
    """What a dotted name stands for in a frame, without running any code of the user's."""
    if isinstance(expression, ast.Name):
        return frame.f_locals.get(expression.id, frame.f_globals.get(expression.id, _MISSING))
    if not isinstance(expression, ast.Attribute):
        return _MISSING
    owner = _resolved(expression.value, frame)
    if owner is _MISSING:
        return _MISSING
    if seam.is_mock(owner):
        return getattr(owner, expression.attr, _MISSING)  # its code has just asked for it
    found = inspect.getattr_static(owner, expression.attr, _MISSING)
    if inspect.ismemberdescriptor(found):
        return _in_slot(found, owner)
    return seam.behind(found.__func__ if isinstance(found, staticmethod) else found)


def _in_slot(slot: Any, owner: Any) -> Any:
    """What a slot of an object holds, which no code of the user's gives."""
    try:
        return slot.__get__(owner)
    except (AttributeError, TypeError):
        return _MISSING


def _real_of(mock: Any) -> _Real:
    """What a mock stands for, by what it was made from or by its parent's spec."""
    spec = seam.spec_of(mock)
    if spec is not None and spec.nature is not None:
        return _told(spec.nature)
    return _real_behind(unittest_mock.real_of(mock))


def _real_behind(thing: Any) -> _Real:
    return _told(natures.of(thing)) if inspect.isroutine(thing) else _UNKNOWN


def _told(nature: natures.AnyNature) -> _Real:
    if not isinstance(nature, natures.Nature) or nature.is_open:
        return _UNKNOWN
    return _Real(
        natures.Called.SYNC if nature.is_by_hand else nature.called,
        nature.is_by_hand or nature.may_give_awaitable,
        _is_told(nature),
        next(_places(nature.thing), ""),
    )


def _is_told(nature: natures.Nature) -> bool:
    return nature.says_what_it_gives or is_known_sync(nature.thing)


def _places(thing: Any) -> Iterator[str]:
    """Where a function is written, in words."""
    code = getattr(inspect.unwrap(thing), "__code__", None) if inspect.isroutine(thing) else None
    if code is not None:
        path, here = code.co_filename, os.getcwd() + os.sep
        yield f" ({path.removeprefix(here)}:{code.co_firstlineno})"
