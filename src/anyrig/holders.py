"""What holds a coroutine that nobody awaited yet, in words and in kind.

Problem: a coroutine that is still alive when its test ends may be awaited later (a fixture keeps
it, a loop has it in its queue) or never (a global keeps it).
Approach: walk from the coroutine to what refers to it, nearest first, up to something that says
who is responsible: a task, a fixture, the test's instance, a module, a class, a frame.
Limits: each step costs a walk over the heap, so this is asked only of a coroutine that is pending
at a test's end, which in a healthy suite is never.
"""

from __future__ import annotations

import enum
from asyncio import Future, Handle
from collections.abc import Callable, Sequence
from threading import Thread
from types import FrameType, ModuleType, TracebackType
from typing import Any, NamedTuple

from .libraries import library_of
from .origins import RawFrame
from .own import gc, os, sys
from .seams.asyncio import loop_of

_DEPTH = 12
_WIDTH = 400
_DEEP = 500  # frames, from where a library made something to the test
_HERE = os.path.dirname(__file__)


class Held(enum.Enum):
    """By what kind of thing a coroutine is held."""

    SCHEDULER = enum.auto()  # a task or a callback of an event loop: it may still run
    FIXTURE = enum.auto()  # something that a live fixture holds
    INSTANCE = enum.auto()  # an attribute of the test's own ``self``
    THREAD = enum.auto()  # an argument of a thread
    GLOBAL = enum.auto()  # a module's global
    CLASS = enum.auto()  # an attribute of a class
    FRAME = enum.auto()  # a local of a function that has ended in an exception
    OTHER = enum.auto()  # nothing that the collector can see


class Holder(NamedTuple):
    """What holds it: the kind, the words for a report, and the object that is responsible."""

    held: Held
    words: str
    owner: Any = None


Recognise = Callable[[object], Holder | None]


def find_holder(thing: object, recognise: Recognise, own: Sequence[object] = ()) -> Holder:
    """What holds the thing: ``recognise`` is asked first about each object on the way.

    ``own`` are objects that it holds itself: they are left out.
    """
    seen = {id(thing), id(own), *map(id, own)}
    level: list[Any] = [thing]
    for _ in range(_DEPTH):
        referrers = gc.get_referrers(*level)
        seen.update((id(level), id(referrers)))
        upper: list[Any] = []
        for referrer in referrers:
            if id(referrer) in seen or _is_ours(referrer):
                continue
            seen.add(id(referrer))
            holder = recognise(referrer) or _recognise_common(referrer, seen)
            if holder is not None:
                return holder
            upper.append(referrer)
        if not upper or len(upper) > _WIDTH:
            break
        level = upper
    return Holder(Held.OTHER, "something the collector can't see")


def way_to(frame: FrameType) -> tuple[RawFrame, ...]:
    """The frames that led to one which has ended in an exception, itself first.

    Each with the line on which it called the next one, which the exception's traceback knows: who
    has caught it went on. Empty where nothing has that traceback any more.
    """
    frames: list[FrameType] = []
    outer: FrameType | None = frame
    while outer is not None and len(frames) < _DEEP:
        frames.append(outer)
        outer = outer.f_back
    lines = _lines_to(frame)
    return tuple(
        (one.f_code.co_filename, lines.get(id(one), one.f_lineno), one.f_code.co_name)
        for one in (frames if lines else ())
    )


def _lines_to(frame: FrameType) -> dict[int, int]:
    """The lines in the longest traceback that leads to a frame, by the ids of the frames."""
    best: dict[int, int] = {}
    for thing in gc.get_objects():
        if type(thing) is TracebackType:
            lines: dict[int, int] = {}
            step: TracebackType | None = thing
            while step is not None and id(frame) not in lines:
                lines[id(step.tb_frame)] = step.tb_lineno
                step = step.tb_next
            if id(frame) in lines and len(lines) > len(best):
                best = lines
    return best


def _is_ours(referrer: object) -> bool:
    return isinstance(referrer, FrameType) and referrer.f_code.co_filename.startswith(_HERE)


def _recognise_common(referrer: Any, seen: set[int]) -> Holder | None:
    # by type(): a mock with a spec says in __class__ that it is what it stands for; and by classes
    # imported once: tests put mocks in the place of asyncio.Future
    if _is_a(referrer, Future):
        return Holder(Held.SCHEDULER, f"the task {_task_name(referrer)}", _loop_of(referrer))
    if _is_a(referrer, Handle):
        words = "a callback that its event loop has yet to call"
        return Holder(Held.SCHEDULER, words, loop_of(referrer))
    if _is_trio_task(referrer):
        return Holder(Held.SCHEDULER, f"the trio task {referrer.name}")
    if _is_a(referrer, Thread):
        return Holder(Held.THREAD, f"the thread {referrer.name}", referrer)
    if isinstance(referrer, dict):
        return _recognise_namespace(referrer, seen)
    if _is_a(referrer, type):
        name = _name_of(vars(referrer), seen)
        return Holder(Held.CLASS, f"the class attribute {referrer.__name__}.{name}", referrer)
    if isinstance(referrer, FrameType):
        name = _name_of(referrer.f_locals, seen)
        code, module = referrer.f_code, str(referrer.f_globals.get("__name__"))
        library = library_of(code.co_filename, module)
        function = f"{code.co_name}()" if library is None else f"{library}'s {code.co_name}()"
        return Holder(Held.FRAME, f"the local {name} of {function}", referrer)
    return None


def _is_a(thing: object, kind: type) -> bool:
    return issubclass(type(thing), kind)


def _recognise_namespace(namespace: dict[Any, Any], seen: set[int]) -> Holder | None:
    module_name = namespace.get("__name__")
    if not isinstance(module_name, str) or "__builtins__" not in namespace:
        return None
    module = sys.modules.get(module_name)
    if isinstance(module, ModuleType) and vars(module) is namespace:
        name = _name_of(namespace, seen)
        return Holder(Held.GLOBAL, f"the global {module_name}.{name}", module)
    return None


def _name_of(namespace: Any, seen: set[int]) -> str:
    """The name under which a namespace has one of the things on the way to it."""
    names = (str(name) for name, value in dict(namespace).items() if id(value) in seen)
    return next(names, "?")


def _task_name(future: Any) -> str:
    get_name = getattr(future, "get_name", None)
    return get_name() if get_name is not None else type(future).__name__


def _loop_of(future: Any) -> Any:
    get_loop = getattr(future, "get_loop", None)
    return get_loop() if get_loop is not None else None


def _is_trio_task(thing: object) -> bool:
    lowlevel = sys.modules.get("trio.lowlevel")
    return lowlevel is not None and issubclass(type(thing), lowlevel.Task)
