"""The exceptions of asyncio that nobody retrieved, and whose handler hears of them.

Problem: asyncio speaks of a future's exception when the future dies, to the handler of its loop,
and of one that something still holds it says nothing.
Approach: ``Future._log_traceback`` is true as long as nobody has asked for the exception; setting
it to false makes asyncio silent. ``Future._exception`` is the exception itself, unasked.
Loops that are not ours tell ``BaseEventLoop.default_exception_handler``, or uvloop's.
``asyncio.tasks._GatheringFuture`` is what ``gather`` gives. Locks, events and queues
keep the loop that used them first in ``_loop``. The handler that ``assertLogs`` puts in
the place of a logger's own is of the module ``unittest._log``. Seen on CPython 3.11 to 3.13, and
with uvloop, whose futures and tasks are asyncio's.
"""

from __future__ import annotations

import functools
import logging
import re
from asyncio import AbstractEventLoop, BaseEventLoop
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import Context
from typing import Any

from ..losses import Loss, Way
from ..own import asyncio, gc, sys
from .cpython import asyncgen
from .needs import Need, Table, optional

NEEDS = Table(
    Need("lost exceptions", "asyncio", "Future", ("_log_traceback", "_exception")),
    optional("lost exceptions of gather()", "asyncio.tasks", "", ("_GatheringFuture",)),
    optional("which test began a callback", "asyncio", "Handle", ("_context",)),
    optional("whose loop a lock belongs to", "asyncio.mixins", "_LoopBoundMixin", ("_loop",)),
)

_GATHERING: type = getattr(asyncio.tasks, "_GatheringFuture", asyncio.Future)
FUTURES: frozenset[type] = frozenset({asyncio.Future, asyncio.Task, _GATHERING})


def is_unretrieved(future: Any) -> bool:
    """Whether a future has an exception that nobody has asked it for."""
    return bool(future._log_traceback)


def hush(future: Any) -> None:
    """Let a future die without a word: its exception was told."""
    future._log_traceback = False


class Listener:
    """A loop's exception handler: asks ``lose`` to take each exception, or keeps it in ``kept``.

    What it refers to must not refer to the loop, so that what dies late is heard, without cycles.
    """

    def __init__(
        self, lose: Callable[[Loss], bool], kept: list[Exception], test: str | None = None
    ) -> None:
        self._lose = lose
        self.test = test  # the one that the loop was made for
        self._kept = kept

    def __call__(self, loop: AbstractEventLoop, context: dict[str, Any]) -> None:
        error = _lost(context)
        if error is None:
            loop.default_exception_handler(context)
        elif not self._lose(_loss(context, error)):
            if loop.is_closed():  # nobody looks at what is kept any more
                loop.default_exception_handler(context)
            else:
                self._kept.append(error)


def context_of(task: Any) -> Context | None:
    """The context that a task runs in; Python 3.11 has no name for it, the collector knows it."""
    get: Any = getattr(task, "get_context", None)
    if get is not None:
        context: Context = get()
        return context
    return next((one for one in gc.get_referents(task) if isinstance(one, Context)), None)


def loop_of(thing: object) -> AbstractEventLoop | None:
    """The loop that a lock, an event or a queue of asyncio's belongs to; None where to none."""
    loop = getattr(thing, "_loop", None)
    return loop if isinstance(loop, AbstractEventLoop) else None


def made_for(loop: AbstractEventLoop) -> str | None:
    """The test that a loop of our runners was made for."""
    handler = loop.get_exception_handler()
    return handler.test if isinstance(handler, Listener) else None


@contextmanager
def overhearing(lose: Callable[[Loss, AbstractEventLoop], bool]) -> Iterator[None]:
    """While entered, ask to take what loops tell the handler that they all have.

    It logs what is not taken. A loop that has a handler of somebody's tells that one. Where the
    test's author listens to what asyncio logs, nothing is lost.
    """

    def make(before: Callable[..., None]) -> Callable[..., None]:
        def ours(self: AbstractEventLoop, context: dict[str, Any]) -> None:
            error = _lost(context)
            is_nobodys = self.get_exception_handler() is None and not is_log_heard()
            loss = _loss(context, error) if is_nobodys and error is not None else None
            if loss is None or not lose(loss, self):
                before(self, context)

        return ours

    with in_each_loop("default_exception_handler", make):
        yield


@contextmanager
def in_each_loop(
    name: str, make: Callable[[Callable[..., None]], Callable[..., None]]
) -> Iterator[None]:
    """While entered, what ``make(before)`` gives stands for a method of asyncio's and uvloop's."""
    uvloop = sys.modules.get("uvloop")
    kinds = [BaseEventLoop] if uvloop is None else [BaseEventLoop, uvloop.Loop]
    with ExitStack() as stack:
        for kind in kinds:
            stack.enter_context(_replaced(kind, name, make))
        yield


@contextmanager
def _replaced(
    kind: type, name: str, make: Callable[[Callable[..., None]], Callable[..., None]]
) -> Iterator[None]:
    before, is_own = getattr(kind, name), name in vars(kind)
    ours = functools.wraps(before)(make(before))
    setattr(kind, name, ours)
    try:
        yield
    finally:
        if vars(kind).get(name) is ours:
            if is_own:
                setattr(kind, name, before)
            else:
                delattr(kind, name)


def is_log_heard() -> bool:
    """Whether a test's author listens to asyncio's log: by a handler, or by ``assertLogs``."""
    asserted = [type(one).__module__ == "unittest._log" for one in logging.getLogger().handlers]
    return bool(logging.getLogger("asyncio").handlers) or any(asserted)


def is_heard_by_others(future: Any) -> bool:
    """Whether the loop of a future has a handler that somebody else has set."""
    handler = future.get_loop().get_exception_handler()
    return handler is not None and not isinstance(handler, Listener)


def loss_of(future: Any) -> Loss:
    """The facts of a future with an exception; asking for them is not asking it."""
    return _of_future(future, future._exception)


def _lost(context: dict[str, Any]) -> Exception | None:
    """The exception that a loop tells of; None where it is told of something else.

    A generator that has ended, and is closed once more, says so by StopAsyncIteration: none can
    raise that itself.
    """
    error = context.get("exception")
    has_ended = "asyncgen" in context and isinstance(error, StopAsyncIteration)
    return error if isinstance(error, Exception) and not has_ended else None


def _loss(context: dict[str, Any], error: BaseException) -> Loss:
    future = context.get("future", context.get("task"))
    if isinstance(future, asyncio.Future):
        return _of_future(future, error)
    generator = context.get("asyncgen")
    if generator is not None:
        return Loss(Way.GENERATOR, generator.__qualname__, error)
    if "handle" in context:
        ran_in = getattr(context["handle"], "_context", None)  # asyncio's; uvloop's tells nobody
        return Loss(Way.CALLBACK, _called(str(context["message"])), error, context=ran_in)
    protocol = context.get("protocol")
    name = context["message"] if protocol is None else f"protocol {type(protocol).__qualname__}"
    return Loss(Way.LOOP, str(name), error)


def _of_future(future: asyncio.Future[Any], error: BaseException) -> Loss:
    if not isinstance(future, asyncio.Task):
        is_gather = type(future) is not asyncio.Future
        return Loss(Way.FUTURE, "gather" if is_gather else "future", error, key=id(future))
    # not get_coro(): of an eager task that has ended it crashes CPython 3.12.1
    referents = gc.get_referents(future)
    coroutine = next((one for one in referents if isinstance(one, Coroutine)), None)
    if type(coroutine) is asyncgen.CLOSE_TYPE:
        return Loss(Way.GENERATOR, asyncgen.qualname_of(coroutine), error, key=id(future))
    name = future.get_name()
    if re.fullmatch(r"Task-\d+|None", name):  # asyncio's own numbering tells nobody anything
        name = getattr(coroutine, "__qualname__", "") or _outermost(error)
    made = tuple(getattr(coroutine, "cr_origin", None) or ())
    return Loss(Way.TASK, name, error, made, id(future), context_of(future))


def _outermost(error: BaseException) -> str:
    """The function that an error came out of."""
    traceback = error.__traceback__
    return "" if traceback is None else traceback.tb_frame.f_code.co_qualname


def _called(message: str) -> str:
    """The name of a callback; asyncio and uvloop put it in words of their own, the handle in none.

    asyncio says ``Exception in callback name(...) at ...``, uvloop ``... <function name at ...>``.
    """
    found = re.search(r"<(?:function|bound method) (\S+)|in callback ([\w.<>]+)\(", message)
    return "" if found is None else found[1] or found[2]
