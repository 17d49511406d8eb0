"""Leaked async generators: one was dropped in the middle, with cleanup pending.

Problem: ``async for ... break`` leaves a generator suspended; its ``finally`` runs when the event
loop comes round to it, in another task and another context, or never.
Approach: in the runner's calls the interpreter's hooks tell which generators die suspended, and
where they were first iterated: by the user's own code, or by a library for itself. Where the line
that one stands at is in a ``finally`` or ``with`` of its function, the dropping did something.
Limits: one that something still holds at the end is closed with the loop, and is not told. In a
phase that fails, those are told that a ``break`` or ``return`` has dropped: the failure itself may
have dropped the others.
"""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager, nullcontext

from .. import source
from ..findings import Finding, Kind, Place
from ..origins import Origins
from ..seams.cpython.generators import Dropped, GeneratorHooks
from .missed_await import MissedAwaits

_ITEMS = "`async with contextlib.aclosing({call}) as items:`"


class LeakedGenerators:
    """The check. ``enabled`` says whether the running test wants it; false where none runs."""

    kind = Kind.LEAKED_ASYNCGEN

    def __init__(self, missed: MissedAwaits) -> None:
        self._origins = missed.origins
        self._missed = missed
        self._hooks = GeneratorHooks(self.note, self._here)
        self.enabled = False
        # what was dropped since the last drain
        self.dropped: deque[Dropped] = deque()

    # -- record ----------------------------------------------------------------------------------

    def _here(self) -> tuple[Place, object]:
        """The place that what runs belongs to, and the permission that is open there."""
        missed = self._missed
        earlier = missed.place_of_owner(missed.running_owner(()))
        return (missed.here, missed.permit) if earlier is None else (earlier, None)

    def note(self, dropped: Dropped) -> bool:
        """Record a generator that died in the middle, if its user is the user; whether it is."""
        if not self.enabled or not self._is_users(dropped):
            return False
        code = dropped.code
        if not source.has_cleanup(code.co_filename, code.co_name, dropped.lineno):
            return False
        self.dropped.append(dropped)
        return True

    def _is_users(self, dropped: Dropped) -> bool:
        """Whether the user's own code iterates it, also by way of Python's (``contextlib``)."""
        caller = self._origins.caller(dropped.begun)
        return caller is not None and self._origins.is_users(caller[0])

    # -- start -----------------------------------------------------------------------------------

    def watching(self) -> AbstractContextManager[object]:
        """To be entered inside of an event loop: what begins then is watched."""
        return self._hooks.entered() if self.enabled else nullcontext()

    @property
    def have_begun(self) -> bool:
        """Whether any may be there to be closed by its loop."""
        return self._hooks.have_begun

    # -- finish ----------------------------------------------------------------------------------

    def drain(self) -> list[Dropped]:
        """What was dropped since the last drain."""
        drained = []
        while self.dropped:
            drained.append(self.dropped.popleft())
        return drained

    def was_made_under(self, permit: object) -> bool:
        """Whether anything that is dropped by now began while this allowance was open."""
        return any(dropped.token[1] is permit for dropped in list(self.dropped))

    def forget(self) -> None:
        """End a test: what began in it and has not died is closed by others."""
        self.enabled = False
        self._hooks.forget()
        self.dropped.clear()


# -- wording -------------------------------------------------------------------------------------


def place_of(dropped: Dropped) -> Place:
    """The test and the phase in which it began."""
    place: Place = dropped.token[0]
    return place


def finding(origins: Origins, dropped: Dropped) -> Finding:
    """The finding in words: what was dropped, who iterated it, where it stood."""
    code = dropped.code
    stood = origins.locate([(code.co_filename, dropped.lineno, code.co_name)])
    origin = origins.locate(dropped.begun)
    return Finding(
        kind=Kind.LEAKED_ASYNCGEN,
        place=place_of(dropped),
        origin=origin and origin._replace(inside=None),
        what=f"the async generator `{dropped.name}`",
        summary=f"the async generator `{dropped.name}` was dropped in the middle",
        details=() if stood is None else (f"it stopped at {stood}: {stood.source}",),
        mend=(
            "close it where it is left, with a `break` or an exception: "
            + _ITEMS.format(call=_call(origins, dropped)),
        ),
    )


def _call(origins: Origins, dropped: Dropped) -> str:
    """The call that made it, where that stands on the line that iterates it."""
    name = dropped.code.co_name
    frame = origins.users_frame(dropped.begun)
    call = None if frame is None else source.find_call(frame[0], frame[1], frozenset({name}))
    is_its = call is not None and call.function_text.rpartition(".")[2] == name
    return call.text if call is not None and is_its else f"{name}(...)"
