"""The ``asend``, ``athrow`` and ``aclose`` of async generators: whether one was ever awaited.

Problem: these objects are coroutine-like, have no attributes at all, and asking them (``send``,
``close``) changes them. CPython 3.13 warns when one dies unawaited, wherever that is; 3.11.7 and
3.12.1 say nothing. An event loop makes some itself, for generators that were left in the middle.
Approach: their state is a C enum, the last field of their struct (``ags_state``, ``agt_state``):
0 before the first step. It is read in place; `can_read` proves the layout on planted objects. And
the three methods of the type are ours while entered, and note each call that is not awaited on
the spot, with its frames.
Limits: where the state can't be read, what something holds is told at its death alone. Where the
interpreter does not warn, the builtin ``anext()`` is not seen, and one that is kept for later stays
alive until it was awaited, a collection runs, or the phase ends. Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import ctypes
import dis
import functools
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from types import AsyncGeneratorType, CodeType, CoroutineType, FrameType, TracebackType
from typing import Any, NamedTuple, Self

from ...own import gc, sys, warnings
from ..needs import Of, Table, optional
from .swallowed import interrupt_main, signals_behind

_POINTER = ctypes.sizeof(ctypes.c_void_p)  # what the enum is padded to
_INIT, _CLOSED = 0, 2
_METHODS = ("asend", "athrow", "aclose", "__anext__")
# whose calls close what was left in the middle: a loop in C is called by ours (see `generators`)
_CLOSERS = ("asyncio", "trio", __name__.partition(".")[0])
_MANY = 64
_STACK_DEPTH = 32


NEEDS = Table(
    optional(
        *("the lines of an asend, athrow or aclose", "dis", "opmap"),
        *(("GET_AWAITABLE", "POP_TOP", "CALL"), Of.KEYS),
    )
)


async def _planted() -> AsyncGenerator[None, None]:
    yield None


def _method_types() -> tuple[type, type]:
    asend, aclose = _planted().asend(None), _planted().aclose()
    types = (type(asend), type(aclose))
    asend.close()
    aclose.close()
    return types


SEND_TYPE, CLOSE_TYPE = _method_types()


def _iterator_type() -> type:
    coroutine = _nothing()
    try:
        return type(coroutine.__await__())
    finally:
        coroutine.close()


async def _nothing() -> None: ...


_ITERATOR_TYPE = _iterator_type()


def _field(method: object) -> ctypes.c_int:
    return ctypes.c_int.from_address(id(method) + type(method).__basicsize__ - _POINTER)


def _state(method: object) -> int:
    return _field(method).value


@functools.cache
def can_read() -> bool:
    """Whether the state of planted objects reads as it should on this interpreter."""
    for method in (_planted().asend(None), _planted().aclose()):
        before = _state(method)
        method.close()
        if (before, _state(method)) != (_INIT, _CLOSED):
            return False
    return True


@functools.cache
def is_warned_of() -> bool:
    """Whether this interpreter warns of a method that dies unawaited."""
    with warnings.catch_warnings(record=True) as log:
        warnings.simplefilter("always")
        dropped = _planted().aclose()
        del dropped
    return bool(log)


def is_unawaited(method: object) -> bool:
    """Whether this ``asend``, ``athrow`` or ``aclose`` has not taken its first step."""
    return can_read() and _state(method) == _INIT


def forget(method: object) -> None:
    """Let it die without a warning: it was told of, and something holds it until the very end."""
    _field(method).value = _CLOSED


def wrapped(method: object) -> object | None:
    """The async generator or coroutine behind a method of one that is awaited, or an iterator.

    They have no attribute for it; the collector knows what they refer to.
    """
    if type(method) not in (SEND_TYPE, CLOSE_TYPE, _ITERATOR_TYPE):
        return None
    kinds = (AsyncGeneratorType, CoroutineType)
    return next((one for one in gc.get_referents(method) if isinstance(one, kinds)), None)


def qualname_of(method: object) -> str:
    """The qualified name of the async generator function that the method belongs to."""
    for referent in gc.get_referents(method):
        if isinstance(referent, AsyncGeneratorType):
            return referent.__qualname__
    return "async generator"


def name_of(method: object) -> str:
    """What the interpreter's own warning calls it; the builtin ``anext()`` gives an ``asend``."""
    return f"{qualname_of(method)}.{'asend' if type(method) is SEND_TYPE else 'aclose'}"


class MethodCall(NamedTuple):
    """One call of such a method: ``generator.method``, its frames (innermost first), and whose."""

    name: str
    result_id: int
    frames: tuple[tuple[str, int, str], ...]
    is_loops_own: bool


class MethodCalls:
    """Notes the calls of these methods whose result is not awaited at once, while entered.

    ``dropped(call)`` hears of a result that was thrown away, where the interpreter does not warn.
    """

    def __init__(self, dropped: Callable[[MethodCall], None]) -> None:
        self._dropped = dropped
        # what was noted since the last `forget`, oldest first
        self._calls: deque[MethodCall] = deque(maxlen=_MANY)
        # where nobody warns: the results that were kept, until they are awaited or the phase ends
        self._kept: list[tuple[MethodCall, Any]] = []
        self._before: dict[str, Any] = {}
        self.is_warned_of = is_warned_of()  # asked before the methods are ours

    def __enter__(self) -> Self:
        namespace = _namespace()
        self._before = {name: namespace[name] for name in _METHODS}
        for name in _METHODS:
            self._put(name, self._noting(name, self._before[name]))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for name, method in self._before.items():
            self._put(name, method)
        self._before = {}
        self._kept.clear()
        self._heed_collections()

    def settle(self) -> None:
        """Let go of what was kept, and tell what was thrown away by all others."""
        if not self._kept:
            return
        self._forget_awaited()
        while self._kept:
            call, result = self._kept.pop()
            # the local and the argument of getrefcount
            if sys.getrefcount(result) <= 2:
                self._dropped(call)
        self._heed_collections()

    def forget(self) -> None:
        """A test is over: what its calls were is known no longer."""
        self._calls.clear()

    def recall(self, name: str) -> MethodCall | None:
        """The last call of this name, the user's before a loop's; taken once."""
        names = (name, name.removesuffix("asend") + "__anext__")  # one type: a warning says asend
        calls = [call for call in self._calls if call.name in names]
        if not calls:
            return None
        call = max(reversed(calls), key=lambda call: not call.is_loops_own)
        self._calls.remove(call)
        return call

    def call_of(self, method: object) -> MethodCall | None:
        """The call that made a method which is still alive."""
        calls = (call for call in reversed(self._calls) if call.result_id == id(method))
        return next(calls, None)

    def is_loops_own(self, method: object) -> bool:
        """Whether an event loop made it, to close a generator that was left in the middle."""
        call = self.call_of(method)
        return call is not None and call.is_loops_own

    def _noting(self, name: str, method: Any) -> Callable[..., Any]:
        @functools.wraps(method)
        def noting(generator: Any, /, *args: Any) -> Any:
            result = method(generator, *args)
            frame = sys._getframe(1)
            is_call, then = _operations(frame.f_code, frame.f_lasti)
            if then != "GET_AWAITABLE" or not is_call:
                self._note(f"{generator.__qualname__}.{name}", result, frame, is_call, then)
            return result

        noting.__module__ = None  # type: ignore[assignment]  # as the methods of built-in types
        return noting

    def _note(self, name: str, result: Any, frame: FrameType, is_call: bool, then: str) -> None:
        # what is not called by Python code is called by a loop in C, at the death of the generator
        library = frame.f_globals.get("__name__", "").partition(".")[0]
        call = MethodCall(name, id(result), stack_of(frame), not is_call or library in _CLOSERS)
        if call.is_loops_own or self.is_warned_of:
            self._calls.append(call)
        elif then == "POP_TOP":
            self._dropped(call)
        else:
            if len(self._kept) >= _MANY:
                self._forget_awaited()
            self._calls.append(call)
            self._kept.append((call, result))
            self._heed_collections()

    def _heed_collections(self) -> None:
        """Hear of collections while something is kept: what was awaited is let go of then."""
        is_heard = self._on_collection in gc.callbacks
        if self._kept and not is_heard:
            gc.callbacks.append(self._on_collection)
        elif is_heard and not self._kept:
            gc.callbacks.remove(self._on_collection)

    def _on_collection(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            try:
                self._forget_awaited()
            except BaseException as error:
                numbers = signals_behind(error)
                if not numbers:
                    raise
                [*map(interrupt_main, numbers)]

    def _forget_awaited(self) -> None:
        # one by one: others are added meanwhile, in the middle of whose call a collection begins
        for kept in list(self._kept):
            if not is_unawaited(kept[1]):
                with suppress(ValueError):
                    self._kept.remove(kept)

    def _put(self, name: str, method: Any) -> None:
        _namespace()[name] = method
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(AsyncGeneratorType))


def _namespace() -> dict[str, Any]:
    # the type's own dict, behind the read-only view that __dict__ is
    (namespace,) = gc.get_referents(AsyncGeneratorType.__dict__)
    assert isinstance(namespace, dict)
    return namespace


def stack_of(frame: FrameType | None) -> tuple[tuple[str, int, str], ...]:
    """The (file, line, function) of a frame and of those that called it, innermost first."""
    frames: list[tuple[str, int, str]] = []
    while frame is not None and len(frames) < _STACK_DEPTH:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(frames)


@functools.lru_cache(maxsize=256)
def _operations(code: CodeType, offset: int) -> tuple[bool, str]:
    """Whether the code is in a call at this offset, and the operation that gets its result."""
    names = [
        (instruction.offset, instruction.opname)
        for instruction in dis.get_instructions(code)
        if instruction.opname != "CACHE"
    ]
    index = max((i for i, (start, _) in enumerate(names) if start <= offset), default=0)
    is_call = names[index][1].startswith(("CALL", "PRECALL"))
    if names[index][1] == "PRECALL":  # Python 3.11 has two for one call
        index += 1
    return is_call, names[index + 1][1] if index + 1 < len(names) else ""
