"""The interpreter's own call for a coroutine that dies unawaited.

Problem: the warning is text, filters hide it, and ``-W error`` turns it into something else.
Approach: ``_PyErr_WarnUnawaitedCoroutine`` looks up ``warnings._warn_unawaited_coroutine`` at each
death, in whichever thread, and hands it the coroutine itself. A watch puts its function there.
A coroutine that dies by its references has lost its weak references before the call and is freed
after it, so one that is made meanwhile, by anybody in any thread, would point to freed memory (all
of CPython 3.11 to 3.15). Whoever has one by the end of the call is kept alive until the interpreter
is through with it, and dies once more, properly.
Limits: the slot is one for the process. A pytest run inside a pytest run stacks its own on top.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from types import CoroutineType, FrameType, TracebackType
from typing import Any, Self, TypeAlias

from ...own import gc, linecache, sys, traceback, weakref
from ..needs import Need, Table
from . import warning_contexts
from .swallowed import interrupt_main, signals_behind

AnyCoroutine: TypeAlias = "CoroutineType[Any, Any, Any]"  # subscriptable from 3.13 on
NEEDS = Table(Need("missed awaits", "warnings", "", ("_warn_unawaited_coroutine",)))

_SLOT = "_warn_unawaited_coroutine"


class UnawaitedHook:
    """Calls ``note(coroutine)`` at each death of an unawaited coroutine, while it is entered.

    ``note`` runs wherever the coroutine dies: in any thread, in the middle of a collection. It
    answers whether it took the coroutine; where it did not, the interpreter's warning is given.
    ``owner`` is whose hook it is, for `installed_owner`.
    """

    def __init__(self, note: Callable[[AnyCoroutine], bool], owner: object) -> None:
        self.owner = owner
        self._note = note
        self._previous: object = None
        # what got a weak reference while it died, until `release`
        self._kept: list[AnyCoroutine] = []

    def __enter__(self) -> Self:
        self._previous = getattr(warnings, _SLOT)
        setattr(warnings, _SLOT, self)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if getattr(warnings, _SLOT) is self:
            setattr(warnings, _SLOT, self._previous)

    def __call__(self, coroutine: AnyCoroutine) -> None:
        numbers: tuple[int, ...] = ()
        try:
            if not self._note(coroutine):
                frame = sys._getframe(1) if _has_caller() else None
                warn_as_ever(coroutine, frame, with_origin=False)
        except BaseException as error:
            numbers = signals_behind(error)
            if not numbers:
                raise
        finally:
            counts = map(weakref.getweakrefcount, (coroutine,))
            interrupts = map(interrupt_main, numbers)
            # from here on there is no call that Python code makes: after one, a collection could
            # begin, or another thread go on, and make a weak reference after all
            [count] = counts
            if count:
                self._kept.append(coroutine)
            [*interrupts]  # noqa: B018 - this is what runs it

    def release(self) -> None:
        """Let go of what was kept, but of what the interpreter is still about to free."""
        if self._kept:
            self._kept[:] = [one for one in self._kept if not gc.is_finalized(one)]


def _has_caller() -> bool:
    try:
        sys._getframe(2)
    except ValueError:
        return False
    return True


def warn_as_ever(coroutine: AnyCoroutine, frame: FrameType | None, *, with_origin: bool) -> None:
    """Give the warning that the interpreter gives without us, at the line that ``frame`` is on.

    ``with_origin`` adds where the coroutine was made, as asyncio's debug mode does.
    """
    text = f"coroutine '{coroutine.__qualname__}' was never awaited"
    if with_origin and coroutine.cr_origin:
        lines = [
            (filename, lineno, function, linecache.getline(filename, lineno))
            for filename, lineno, function in reversed(coroutine.cr_origin)
        ]
        text += "\nCoroutine created at (most recent call last)\n"
        text += "".join(traceback.format_list(lines)).rstrip("\n")
    in_globals = sys.__dict__ if frame is None else frame.f_globals
    warnings.warn_explicit(
        text,
        RuntimeWarning,
        "sys" if frame is None else frame.f_code.co_filename,
        1 if frame is None else frame.f_lineno,
        module=in_globals.get("__name__") or "<string>",
        registry=in_globals.setdefault("__warningregistry__", {}),
        source=coroutine,
    )


@functools.cache
def is_heard() -> bool:
    """Whether this interpreter calls what is in the slot, with a planted coroutine that dies."""
    seen: list[str] = []
    before = getattr(warnings, _SLOT)

    def ours(coroutine: AnyCoroutine) -> None:
        if coroutine.cr_code is _planted.__code__:
            seen.append(coroutine.__name__)
        else:  # somebody's, that dies meanwhile
            before(coroutine)

    setattr(warnings, _SLOT, ours)
    try:
        _planted()  # type: ignore[unused-coroutine]
    finally:
        setattr(warnings, _SLOT, before)
    return bool(seen)


async def _planted() -> None: ...


def is_installed() -> bool:
    """Whether a hook of ours is in the slot: then weak references to coroutines are safe."""
    return isinstance(getattr(warnings, _SLOT, None), UnawaitedHook)


def installed_owner() -> object | None:
    """Whose hook is in the slot now, or None where there is no watch."""
    hook = getattr(warnings, _SLOT, None)
    return hook.owner if isinstance(hook, UnawaitedHook) else None


def recorded_warnings() -> list[warnings.WarningMessage] | None:
    """The list that an innermost ``catch_warnings(record=True)`` fills now, or None."""
    return warning_contexts.log()
