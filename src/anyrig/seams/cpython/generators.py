"""The async generators that die in the middle, and where each was first iterated.

Problem: a generator that is dropped between two items is closed later by its event loop, and
nobody knows who dropped it.
Approach: the interpreter calls a hook when a generator is first iterated, and another when one
dies suspended; event loops set both for their thread as long as they run. Ours stand before those
of the loop while entered, so they are to be entered inside of it. "First iterated" is when its
first ``asend`` is made, whoever awaits that: one that was never stepped has nothing to clean up.
What drops one is told by the operation at which the frame stands in which it dies.
Limits: a generator is known by its id from its first ``asend`` to its death; `forget` ends that.
Seen on CPython 3.11 to 3.15.
"""

from __future__ import annotations

import dis
from collections.abc import AsyncGenerator, Callable, Container
from types import AsyncGeneratorType, CodeType, FrameType, TracebackType
from typing import Any, NamedTuple, Self

from ...own import sys, warnings
from ..needs import Need, Of, Table
from .asyncgen import stack_of

# what takes the iterator off the stack where a loop is left; an exception that leaves it stands
# at the operation that has raised it, and these raise nothing
_LEAVES = ("POP_TOP", "POP_ITER")

_Frames = tuple[tuple[str, int, str], ...]


NEEDS = Table(
    Need(
        *("async generators left in the middle", "dis", "opmap", ("RETURN_GENERATOR",), Of.KEYS),
        before=(3, 12),
    )
)


class Dropped(NamedTuple):
    """A generator that died in the middle: where it stood, and who took the first step of it.

    ``begun`` are the frames of that step, innermost first, and ``token`` what was noted with it.
    ``by_leaving`` says that a statement dropped it that leaves a loop, as ``break`` does, and no
    exception that was on its way.
    """

    name: str
    code: CodeType
    lineno: int
    begun: _Frames
    token: Any
    by_leaving: bool = False


class GeneratorHooks:
    """Calls ``note(dropped)`` for each generator that began while entered and dies in the middle.

    It answers whether it took the generator; then its loop closes it without a warning. ``token``
    is called at the first step of each.
    """

    def __init__(self, note: Callable[[Dropped], bool], token: Callable[[], object]) -> None:
        self._note = note
        self._token = token
        # id -> the first step of a generator, until it dies in the middle or is forgotten
        self._begun: dict[int, tuple[_Frames, object]] = {}

    def forget(self) -> None:
        """What has begun so far is nobody's any more."""
        self._begun.clear()

    @property
    def have_begun(self) -> bool:
        """Whether any began since the last `forget`."""
        return bool(self._begun)

    def entered(self) -> Entered:
        """A context manager that stands before the hooks that are there when it is entered."""
        return Entered(self)

    def begin(self, generator: AsyncGenerator[Any, Any]) -> None:
        """A generator takes its first step."""
        frames = stack_of(sys._getframe(2))
        self._begun[id(generator)] = (frames, self._token())

    def end(self, generator: Any) -> bool:
        """A generator dies in the middle; whether that is told."""
        begun = self._begun.pop(id(generator), None)
        frame = generator.ag_frame
        if begun is None or frame is None or not _was_stepped(generator, frame):
            return False
        name, code = generator.__qualname__, generator.ag_code
        by_leaving = _is_at(sys._getframe(2), _LEAVES)
        return self._note(Dropped(name, code, frame.f_lineno, *begun, by_leaving))


def _was_stepped(generator: Any, frame: FrameType) -> bool:
    """Whether a generator that is about to die has taken a step; true of a compiled one."""
    if type(generator) is not AsyncGeneratorType:
        return True
    is_suspended = getattr(generator, "ag_suspended", None)
    if is_suspended is not None:
        return bool(is_suspended)
    # Python 3.11
    return not _is_at(frame, ("RETURN_GENERATOR",))


def _is_at(frame: FrameType, operations: Container[str]) -> bool:
    """Whether a frame stands at one of these operations of the interpreter."""
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] in operations


class Entered:
    """Ours before those of a loop, from the one to the other end of a ``with``."""

    def __init__(self, hooks: GeneratorHooks) -> None:
        self._hooks = hooks

    def __enter__(self) -> Self:
        hooks, before = self._hooks, sys.get_asyncgen_hooks()
        self._before = before

        def firstiter(generator: AsyncGenerator[Any, Any]) -> None:
            hooks.begin(generator)
            if before.firstiter is not None:
                before.firstiter(generator)

        def finalizer(generator: AsyncGenerator[Any, Any]) -> None:
            is_told = False
            try:
                is_told = hooks.end(generator)
            finally:  # whatever a signal raises here: its loop has to close it
                if before.finalizer is not None:
                    _close(generator, before.finalizer, is_told)

        sys.set_asyncgen_hooks(firstiter, finalizer)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        sys.set_asyncgen_hooks(*self._before)


def _close(generator: Any, finalizer: Callable[[Any], object], is_told: bool) -> None:
    """Have a loop close a generator, which may warn of it where it was not told."""
    if not is_told:
        finalizer(generator)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # trio's
        finalizer(generator)
