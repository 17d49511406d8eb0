"""What a ``__del__`` does belongs to who made its object, and not to who let it go.

Which object that is, is read off the frames while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import CodeType, FrameType

from ..findings import Place
from ..origins import RawFrame
from ..seams.cpython.births import FINALISER


def ends_in(frame: FrameType) -> bool:
    """Whether a frame is that of a ``__del__``."""
    return frame.f_code.co_name == FINALISER


def object_of(frame: FrameType) -> object:
    """What a ``__del__`` is called for, by its frame; None where it has let go of that itself."""
    names = frame.f_code.co_varnames
    return frame.f_locals.get(names[0]) if names else None


def object_behind(frames: Sequence[RawFrame], frame: FrameType | None) -> object:
    """The object whose ``__del__`` is among the frames that made a thing, and still runs.

    None where there is none.
    """
    if not is_within(frames):
        return None
    while frame is not None:
        if any(_is_of(one, frame.f_code) for one in frames):
            return object_of(frame)
        frame = frame.f_back
    return None


def is_within(frames: Sequence[RawFrame]) -> bool:
    """Whether a ``__del__`` is among these frames."""
    return any(function == FINALISER for _, _, function in frames)


def inside(frames: Sequence[RawFrame]) -> tuple[RawFrame, ...]:
    """The frames, innermost first, up to the outermost ``__del__``: who let go is left out."""
    last = max(n for n, (_, _, function) in enumerate(frames) if function == FINALISER)
    return tuple(frames[: last + 1])


def in_words(maker: Place, ran: Place) -> str:
    """A detail: which test made the object that was finalised in another place."""
    when = "after the tests" if ran.test is None else f"while {ran.test} ran"
    if maker.test is None:
        return f"no test made its object, which was finalised {when}"
    return f"its object was made here, and was finalised {when}"


def _is_of(frame: RawFrame, code: CodeType) -> bool:
    return frame[2] == FINALISER == code.co_name and frame[0] == code.co_filename
