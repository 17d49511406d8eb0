"""Blocked loop: one call held the event loop, and nothing else could run.

Problem: a blocking call stops every task, every timeout and every cancellation, and the test that
has only one task does not notice.
Approach: the watchdog's thread notes the frames of the loop's thread while it is held, and the
mock that is awaited again and again meanwhile: one that never yields holds the loop of who asks it
until it gives something else.
Limits: only loops of the runner's are looked at. A machine that gives the process no time for so
long looks the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import safe
from ..findings import Finding, Kind, Place
from ..origins import Origins, RawFrame
from ..polled import Polled

kind = Kind.BLOCKED_LOOP


_IMPORTS = "<frozen importlib"  # how the file of what loads a module begins, in its frames
_AT_THE_HEAD = ("import it at the head of the file: a module is loaded once in a run",)
_IN_A_THREAD = (
    "call what blocks in a thread: `await anyio.to_thread.run_sync(function)`",
    "or, where it only waits, await anyio.sleep() or the like",
)

# by `call_soon`, `call_later`, `add_reader` or the like
_IN_C = "the loop calls it directly: it is written in C, and no line of Python's is in it"


def finding(
    origins: Origins,
    place: Place,
    frames: Sequence[RawFrame],
    seconds: float,
    polled: Polled | None = None,
    called: str | None = None,
) -> Finding:
    """The finding in words; the frames are those of the loop's thread, innermost first.

    ``called`` is the name of what the loop itself calls and has no frame, "" where nobody knows it.
    """
    if polled is not None:
        return _of_mock(origins, place, frames, seconds, polled)
    filename, lineno, function = frames[0]
    importer = _importer(origins.of_test(frames))
    inner = f"it was in {function} ({safe.path(filename)}:{lineno})"
    call = f"a call of `{safe.name(called)}`" if called else "a call"
    return Finding(
        kind=kind,
        place=place,
        origin=origins.locate_held(importer or frames),
        what="the event loop",
        summary=f"{'an import' if importer else call} held the event loop "
        f"for more than {seconds:g} s",
        details=() if origins.is_users(filename) else (inner if called is None else _IN_C,),
        mend=_AT_THE_HEAD if importer else _IN_A_THREAD,
    )


def _importer(frames: Sequence[RawFrame]) -> Sequence[RawFrame]:
    """The frames from the one that imports outwards, if one does: not what the module does."""
    loading = [index for index, frame in enumerate(frames) if frame[0].startswith(_IMPORTS)]
    return frames[loading[-1] :] if loading else ()


def _of_mock(
    origins: Origins,
    place: Place,
    frames: Sequence[RawFrame],
    seconds: float,
    polled: Polled,
) -> Finding:
    return Finding(
        kind=kind,
        place=place,
        origin=origins.locate(frames),
        what=polled.words,
        summary=f"`{polled.name}` was awaited again and again for more than {seconds:g} s",
        details=tuple(_details(polled)),
        mend=tuple(_mend(polled)),
    )


def _details(polled: Polled) -> Iterable[str]:
    why = "checkpoint=False" if polled.is_double else "an AsyncMock never does"
    yield f"it was awaited {polled.times:,} times in a row, and never let go of the loop ({why})"
    if polled.others:
        yield f"in turn with {', '.join(f'`{name}`' for name in polled.others)}"


def _mend(polled: Polled) -> Iterable[str]:
    it = "the one that the loop asks" if polled.others else "it"
    yield f"have {it} give what ends the loop: `{polled.name}.side_effect = [...]`"
    if polled.is_double:
        yield "or have it yield: leave out checkpoint=False"
    else:
        yield "or put a double that yields in its place: mocks.create(...), mocks.patch(...)"
