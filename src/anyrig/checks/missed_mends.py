"""What to type for a missed await: code where it is proved, and else what is known, in words.

Problem: an await put before the call is right most of the time; else it breaks the line, or the
function has nobody who awaits it.
Approach: code is shown only where the coroutine is the call's own, nothing else took it, the line
is in an ``async def`` (or in a test that can be one), and the new text parses as meant. It comes
with the edits that make it.
Limits: a function that takes a coroutine may take it for its value; that is left to the reader.
"""

from __future__ import annotations

from typing import NamedTuple

from .. import sites
from ..findings import Edit, Phase
from ..origins import Origins
from ..own import ast
from ..rewrites import Rewrite
from ..sites import How, Scope
from ..source import TASK_MAKERS, called_name, text_of
from .missed_await import Missed
from .missed_rewrites import Typed
from .missed_sites import Found

# what takes a function, and calls it
_STARTS = frozenset({"start_soon", "start_task_soon"})
_RUNS = frozenset({"anyio.run", "trio.run", "from_thread.run", "anyio.from_thread.run"})
_TO_THREAD = frozenset({"to_thread", "run_sync"})
# what runs a loop, or needs to be where none runs
_RUNNERS = frozenset(
    (
        "run",
        "run_until_complete",
        "run_forever",
        "Runner",
        "TestClient",
        "start_blocking_portal",
        "async_to_sync",
        "from_thread",
        "run_coroutine_threadsafe",
    )
)
# what takes something to await, and never its result
_AWAITING = frozenset(
    ("wait_for", "wait", "gather", "shield", "as_completed", "wrap_future", "timeout_at")
)
_AWAITED_FIRST = frozenset({"asyncio.wait_for", "wait_for"})  # of these, by its first step
# what takes a value, whatever it is
_VALUES = frozenset({"cast", "approx", "dumps", "deepcopy", "repr", "assert_type", "reveal_type"})
_XUNIT = frozenset(
    f"{when}_{what}" for when in ("setup", "teardown") for what in ("method", "function", "class")
) | {"setup_module", "teardown_module", "setup", "teardown"}
_UNITTEST = frozenset({"setUp", "tearDown", "setUpClass", "tearDownClass"})
_STEPS = frozenset({"asend", "anext", "__anext__"})
_BACKTICKED = 60


class Mend(NamedTuple):
    """The lines of a mend, code indented by four, and the edits that type that code."""

    lines: tuple[str, ...]
    edits: tuple[Edit, ...] = ()


def _words(*lines: str) -> Mend:
    return Mend(lines)


class Mending:
    """The mend of one missed await whose expression is known."""

    def __init__(
        self, origins: Origins, missed: Missed, found: Found, times: int, *, runs_async: bool
    ) -> None:
        self._missed = missed
        self._found = found
        self._times = times
        self._runs_async = runs_async
        self._path = found.paths[0]
        self._typed = Typed(origins, missed, found)
        self._node = found.node
        self._around = sites.around(self._path)
        self._file = origins.path(found.frame[0])
        self._text = _short(self._node)
        taker = sites.taker(self._path)
        self._taker = taker
        self._taken_by = None if taker is None else text_of(taker.func)

    def mend(self) -> Mend:
        """What to type."""
        found, taker = self._found, self._taker
        if found.how is How.PASSED:
            return self._of_passed()
        if sites.is_awaited(self._path):
            return _words(f"`{self._text}` was awaited; what it gave was not")
        function = getattr(self._around.node, "name", "")
        if self._around.scope is Scope.SYNC and _is_special(function):
            return _words(
                f"`{function}` can't await: await `{self._text}` in an `async def` of its user's"
            )
        if len(found.paths) > 1 and self._times % len(found.paths):
            name = called_name(self._node) or self._missed.name
            which = f"of the {len(found.paths)} calls of `{name}` on its line"
            return _words(f"await each of them: {which}, {self._times} had none")
        if taker is not None and not self._is_of_values(taker):
            return self._of_taken(taker)
        if sites.is_awaited_later(self._path, self._around.node):
            where = f"`{getattr(self._around.node, 'name', 'its function')}`"
            return _words(f"{where} awaits some of what it has there, and not all")
        return self._awaited()

    # -- another function has it -----------------------------------------------------------------

    def _is_of_values(self, taker: ast.Call) -> bool:
        file = self._found.file
        if sites.builtin(file, taker) is not None or called_name(taker) in _VALUES:
            return True
        return self._around.generators != () and sites.is_eager(file, taker)

    def _of_taken(self, taker: ast.Call) -> Mend:
        name, text = called_name(taker), self._taken_by
        if name in _STARTS or text in _RUNS:
            called = f"`{text}` takes the function, and calls it:"
            return self._code(self._typed.handed_over(taker), called, f"{called[:-1]}")
        if name == "run_until_complete" or text == "asyncio.run":
            return self._run(taker)
        if name in TASK_MAKERS:
            return self._of_task()
        if self._missed.held_by is not None:
            return _words(f"await what {text} was given before the test ends, or close it")
        known = f"`{text}` never awaited what it was given"
        if self._is_for_task(taker):
            return self._of_cancelled(known)
        if name in _AWAITING:
            return _words(known)
        return _words(
            f"{known}: let it do that; or, where it takes a result, give it `await {self._text}`"
        )

    def _is_for_task(self, taker: ast.Call) -> bool:
        """Whether what took it is async, and a task was to run that."""
        outer = sites.taker(self._path[: self._path.index(taker) + 1])
        return outer is not None and called_name(outer) in TASK_MAKERS

    def _of_cancelled(self, known: str) -> Mend:
        turn = "give it a turn before, `await asyncio.sleep(0)`"
        if self._taken_by in _AWAITED_FIRST:
            return _words(f"`{self._taken_by}` was cancelled before its first step: {turn}")
        return _words(
            f"{known}: it does not do that, or was cancelled before it came to it; then {turn}"
        )

    def _of_task(self) -> Mend:
        if self._missed.held_by is None and not self._missed.was_kept:
            return _words(
                f"`{self._taken_by}` made no task of it: no event loop was running, or it ended"
            )
        return _words(
            "keep the task, and await it before the test ends:",
            f"`task = {self._taken_by}({self._text})`, then `await task`",
        )

    def _run(self, taker: ast.Call) -> Mend:
        known = f"`{self._taken_by}` can't run it where an event loop is running"
        if self._around.scope is not Scope.ASYNC:
            return _words(f"{known}, and did not: what was to run it failed before")
        return self._code(self._typed.in_its_place(taker), f"{known}:", known)

    # -- another function called it --------------------------------------------------------------

    def _of_passed(self) -> Mend:
        taker = self._taker
        assert taker is not None
        name, text = called_name(taker), self._taken_by
        call = f"`{self._text}`"
        if name == "addfinalizer":
            return _words(
                f"a finalizer is called and not awaited; in an async fixture, what stands behind "
                f"its `yield` is: `await {self._text}()`"
            )
        known = f"`{text}` calls {call} and does not await it"
        builtin = sites.builtin(self._found.file, taker)
        if self._missed.exact and builtin in ("map", "filter") and self._is_async:
            return self._code(self._typed.comprehended(taker, builtin), f"{known}:", known)
        if name in _TO_THREAD:
            return self._code(self._typed.out_of_thread(taker), f"{known}:", known)
        return _words(known)

    # -- an await before it ----------------------------------------------------------------------

    @property
    def _is_async(self) -> bool:
        return self._around.scope is Scope.ASYNC

    def _awaited(self) -> Mend:
        scope, node, text = self._around.scope, self._around.node, self._text
        if self._found.frame[0].startswith("<"):
            return _words(f"await `{text}` in an `async def`")
        if scope is Scope.LAMBDA:
            return _words(f"a lambda can't await: an `async def` in its place, with `await {text}`")
        if scope is Scope.LATER:
            return _words(f"`{text}` stands where nothing can be awaited")
        if scope is Scope.CLASS:
            name = getattr(node, "name", "")
            return _words(
                f"await it in an `async def`, before the class `{name}` is made: "
                f"`made = await {text}`"
            )
        if scope is Scope.MODULE:
            return self._of_module()
        if scope is Scope.SYNC:
            return self._of_sync(node)
        if self._missed.code is None and called_name(self._node) in _STEPS:
            # which leaves the generator in the middle
            return _words(f"await `{text}`, and await `aclose()` of the generator in the end")
        lead = self._lead()
        known = f"await `{text}`"
        return self._code(self._typed.with_await(), lead, f"{lead} {known}" if lead else known)

    def _lead(self) -> str | None:
        if not self._found.handed_by:
            return None
        name = self._found.handed_by[-1]
        who = "a lambda" if name == "<lambda>" else f"`{name}`"
        return f"{who} gives it to its caller ({self._file}:{self._found.frame[1]}):"

    def _of_module(self) -> Mend:
        text = self._text
        known = f"a module can't await: `asyncio.run({text})`, where no event loop runs"
        if self._missed.place.phase is not Phase.COLLECT or len(self._found.paths) > 1:
            return _words(known)
        made = self._typed.run()
        return self._code(made, None, known)

    def _of_sync(self, node: ast.AST | None) -> Mend:
        assert isinstance(node, ast.FunctionDef)
        name, text = node.name, self._text
        if self._missed.thread is not None:
            return _words(
                f"`{name}` runs in a thread and can't await: have the event loop do it; in a "
                "thread of anyio's, anyio.from_thread.run(function, ...) does"
            )
        if _is_fixture(node):
            return _words(
                f"make the fixture `{name}` an `async def`, with `await {text}`, for tests that "
                "are async"
            )
        if self._is_test(node):
            lead = f"make `{name}` an `async def`, with"
            made = self._typed.with_await(node)
            return self._code(made, lead, f"{lead} `await {text}`")
        return _words(
            f"`{name}` is no `async def` and can't await: make it one, with `await {text}`, and "
            "await it where it is called"
        )

    def _is_test(self, node: ast.FunctionDef) -> bool:
        """Whether the function is the test that made it, and may as well be async."""
        file, *names = (self._missed.place.test or "").partition("[")[0].split("::")
        path = [one for one in self._path if isinstance(one, _NAMED)]
        if not self._runs_async or [one.name for one in path] != names or path[-1] is not node:
            return False
        if self._file != file and not self._found.frame[0].endswith(file):
            return False
        is_plain = all(isinstance(one, ast.ClassDef) and not one.bases for one in path[:-1])
        called = {called_name(one) for one in ast.walk(node) if isinstance(one, ast.Call)}
        return is_plain and called.isdisjoint(_RUNNERS) and all(map(_is_mark, node.decorator_list))

    # -- the text --------------------------------------------------------------------------------

    def _code(self, made: Rewrite | None, lead: str | None, otherwise: str) -> Mend:
        if made is None:
            return _words(otherwise)
        code = (f"    {line}" for line in made.shown)
        return Mend((*([lead] if lead else []), *code), made.edits)


_NAMED = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def of_nobody(missed: Missed) -> Mend | None:
    """What pytest or unittest calls by its name, and does not await; None where that is not so."""
    name = missed.name.rpartition(".")[2]
    if name in _UNITTEST:
        return _words(
            f"unittest calls `{name}` and does not await it: in an IsolatedAsyncioTestCase, "
            f"`async{name[0].upper()}{name[1:]}` is awaited"
        )
    if name in _XUNIT:
        return _words(
            f"pytest calls `{name}` and does not await it: an async fixture in its place, with "
            "`@pytest.fixture(autouse=True)`; what stands behind its `yield` is the teardown"
        )
    return None


def _is_special(name: str) -> bool:
    """Whether Python itself calls a method of this name, and awaits none."""
    return name.startswith("__") and name.endswith("__")


def _is_fixture(node: ast.FunctionDef) -> bool:
    return any("fixture" in text_of(one) for one in node.decorator_list)


def _is_mark(decorator: ast.expr) -> bool:
    """Whether a decorator leaves it to pytest how the test is called."""
    text = text_of(decorator)
    return text.startswith(("pytest.mark.", "mark."))


def _short(node: ast.expr) -> str:
    text = text_of(node)
    if len(text) <= _BACKTICKED:
        return text
    return f"{text_of(node.func)}(...)" if isinstance(node, ast.Call) else f"{text[:50]}..."
