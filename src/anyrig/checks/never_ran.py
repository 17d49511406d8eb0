"""Never ran: an async test is green, and its body did not run to an end.

Problem: a decorator that forgets to await, or a runner that knows nothing of coroutines, makes a
coroutine of the test and drops it; nothing fails.
Approach: a dropped coroutine whose code is the test's own is told by the missed-await record. For
a test whose function is wrapped, the code of its body is observed for the one call: with
``sys.monitoring`` for that code alone, on Python 3.11 with a profile function that ends itself.
Limits: where a profiler already runs on Python 3.11, or all of sys.monitoring's tools are taken,
a wrapped test is not observed. On 3.11 neither is one during which a thread made before it did
anything, for it could be run there; and a body whose cancellation was swallowed passes for one that
ended.
"""

from __future__ import annotations

import dis
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType, FunctionType
from typing import Any

from ..findings import Finding, Kind, Place
from ..origins import Origins
from ..own import inspect, sys, threading
from ..seams.cpython.threads import processor_times, stood_still
from ..seams.unittest_mock import is_mock_file

kind = Kind.NEVER_RAN


def bodies_of(function: Any) -> list[CodeType]:
    """The code of each async function of a test, decorators first; empty where it is not async."""
    codes: list[CodeType] = []
    if type(function) is FunctionType and _INSIDES.isdisjoint(function.__dict__):
        # as nearly all are
        if function.__code__.co_flags & inspect.CO_COROUTINE:
            codes.append(function.__code__)
        return codes
    seen: set[int] = set()
    while function is not None and id(function) not in seen:
        seen.add(id(function))
        code = getattr(function, "__code__", None)
        is_new = code not in codes  # a method has the code of its function
        if isinstance(code, CodeType) and code.co_flags & inspect.CO_COROUTINE and is_new:
            codes.append(code)
        function = _inside(function)
    return codes


def is_awaited(function: Any, codes: list[CodeType]) -> bool:
    """Whether nothing can lose the body on the way: it is bare, or behind ``mock.patch`` alone.

    Those of the mock library await what they decorate; to observe a body costs its test.
    """
    if getattr(function, "__code__", None) is not codes[0]:
        return False
    return all(is_mock_file(code.co_filename) for code in codes[:-1])


_INSIDES = frozenset({"hypothesis", "__wrapped__"})


def _inside(function: Any) -> Any:
    handle = getattr(function, "hypothesis", None)
    if handle is not None:
        return getattr(handle, "inner_test", None)
    if isinstance(function, functools.partial):
        return function.func
    return getattr(function, "__wrapped__", None) or getattr(function, "__func__", None)


_LEAVES = frozenset({"GeneratorExit", "CancelledError", "Cancelled"})


class Body:
    """A body behind a decorator: how often it started in the test's call, and how it ended."""

    def __init__(self, code: CodeType) -> None:
        self.code = code
        self.starts = 0
        self.ends = 0
        self.is_observed = False

    @property
    def ran(self) -> bool:
        """Whether it ran to an end as often as it started; true where nobody could look."""
        return not self.is_observed or (self.starts > 0 and self.ends >= self.starts)

    @contextmanager
    def observed(self) -> Iterator[None]:
        """Count starts and ends of the body while entered."""
        observe = self._profiled if sys.version_info < (3, 12) else self._monitored
        with observe():
            yield

    @contextmanager
    def _monitored(self) -> Iterator[None]:
        monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - Python 3.12
        events = monitoring.events
        tool = next((tool for tool in (4, 3) if monitoring.get_tool(tool) is None), None)
        if tool is None:
            yield
            return
        monitoring.use_tool_id(tool, "anyrig")
        monitoring.register_callback(tool, events.PY_START, self._on_start)
        monitoring.register_callback(tool, events.PY_RETURN, self._on_return)
        monitoring.register_callback(tool, events.PY_UNWIND, self._on_unwind)
        monitoring.set_local_events(tool, self.code, events.PY_START | events.PY_RETURN)
        monitoring.set_events(tool, events.PY_UNWIND)
        self.is_observed = True
        try:
            yield
        finally:
            monitoring.set_local_events(tool, self.code, 0)
            monitoring.set_events(tool, 0)
            for event in (events.PY_START, events.PY_RETURN, events.PY_UNWIND):
                monitoring.register_callback(tool, event, None)
            monitoring.free_tool_id(tool)

    def _on_start(self, code: CodeType, offset: int) -> None:
        self.starts += 1

    def _on_return(self, code: CodeType, offset: int, value: object) -> None:
        self.ends += 1

    def _on_unwind(self, code: CodeType, offset: int, error: BaseException) -> None:
        # a body that is closed or cancelled was left; any other exception is an end
        if code is self.code and type(error).__name__ not in _LEAVES:
            self.ends += 1

    @contextmanager
    def _profiled(self) -> Iterator[None]:
        if sys.getprofile() is not None or threading.getprofile() is not None:
            yield
            return
        others = processor_times()
        suspended: set[FrameType] = set()
        threading.setprofile(functools.partial(self._on_event, suspended))
        sys.setprofile(functools.partial(self._on_event, suspended))
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            self.is_observed = self.starts > 0 or stood_still(others)

    def _on_event(
        self, suspended: set[FrameType], frame: FrameType, event: str, arg: object
    ) -> None:
        if frame.f_code is not self.code:
            return
        if event == "call":
            self.starts += frame not in suspended
            suspended.discard(frame)
        elif event == "return":
            operation = dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if operation == "YIELD_VALUE":
                suspended.add(frame)
            elif operation == "RETURN_GENERATOR":  # made, or closed before its first step
                self.starts -= 1
            else:
                self.ends += 1


def finding(
    origins: Origins,
    place: Place,
    name: str,
    code: CodeType,
    *,
    started: bool,
    given_to: str | None = None,
    is_traced: bool = False,
) -> Finding:
    """The finding in words; ``started`` tells a body that was left in the middle.

    ``given_to`` is the mock that swallowed the test's coroutine, where one did; ``is_traced`` says
    that pytest called the test in its debugger, which has dropped it.
    """
    how = "was left before its end" if started else "never ran"
    why = (
        "nothing failed, because nothing awaited the test"
        if not started
        else "what runs the test stopped awaiting it, and nothing failed"
    )
    return Finding(
        kind=kind,
        place=place,
        what=f"the test `{name}`",
        summary=f"the body of `{name}` {how}",
        origin=origins.definition(code),
        details=(_TRACED if is_traced else why,),
        mend=_MEND_TRACED if is_traced else _mend(given_to),
    )


_TRACED = "pytest's --trace can't step into async tests: its debugger drops what the call gives"
_MEND_TRACED = (
    "without --trace, put breakpoint() where the debugger is to stop in the test",
    "or have it stop where the test fails: pytest --pdb",
)


def _mend(given_to: str | None) -> tuple[str, ...]:
    if given_to is not None:
        return (
            (
                f"`{given_to}` is in the place of what runs the test: patch the name that the "
                "code under test uses, not asyncio's own"
            ),
        )
    return (
        "let what runs the test await it: @pytest.mark.anyio, or anyio_mode = auto",
        "in a decorator, an async wrapper around: return await function(...)",
        "in unittest, the class IsolatedAsyncioTestCase",
    )
