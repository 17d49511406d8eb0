"""Missed awaits: a coroutine was made, and nobody ever awaited it.

Problem: the interpreter speaks of it after the fact, for whichever test is running, and not at
all of a coroutine that something still holds.
Approach: each death of an unawaited coroutine is recorded where it happens, with the frames that
made it; at the end of each phase the young objects are looked through for those that are alive,
so that each is known by the test and phase that made it however late it dies.
Limits: generators under ``@types.coroutine`` never warn, so they are not seen. A coroutine that a
loop, a thread or a fixture still holds is judged when that ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from types import CodeType, CoroutineType, FrameType
from typing import Any, NamedTuple

from ..findings import Finding, Kind, Phase, Place
from ..holders import Held, Holder, Recognise, find_holder, way_to
from ..origins import Origins, RawFrame
from ..own import gc, sys, threading, weakref
from ..seams.asyncio_errors import FUTURES, is_unretrieved
from ..seams.cpython import asyncgen, warning_contexts
from ..seams.cpython.births import Births
from ..seams.cpython.filters import FirstFilter, hiding_filter
from ..seams.cpython.threads import ThreadStarts
from ..seams.cpython.unawaited import (
    AnyCoroutine,
    UnawaitedHook,
    is_installed,
    recorded_warnings,
    warn_as_ever,
)
from ..seams.cpython.young import YoungObjects, choose_window
from ..seams.cython import coroutine_types
from ..seams.parts import DOUBLES
from ..seams.unittest_mock import MockCall, MockHooks, mock_call_of, mock_name
from . import finalised

# the user's line, and what a mock and a decorator put before it; each frame costs each coroutine
ORIGIN_DEPTH = 6
# while a runner is at work that may have tasks of the user's in it: theirs are told by one line
RUNNER_DEPTH = 1
# while no code of the user's can run: what a runner makes for itself is none of ours
IDLE_DEPTH = 0
_MOST_LOOKED_FOR = 10  # coroutines of libraries in a phase: each costs some walks over the heap
_COLLECTIONS = (list, tuple, set, frozenset)
_METHODS = frozenset({asyncgen.SEND_TYPE, asyncgen.CLOSE_TYPE})
WANTED = frozenset({CoroutineType, *_METHODS, *FUTURES})


def explain_mocks(error: BaseException, *, is_patched: bool = False) -> None:
    """Say what to write where somebody has awaited what a mock gives that is sync.

    ``is_patched``: a patch is about to be undone.
    """
    if "unittest.mock" in sys.modules and not DOUBLES.gone():
        from ..mocks.misawaited import explain

        explain(error, is_patched=is_patched)


def is_pending(thing: Any) -> bool:
    """Whether somebody has yet to come for it.

    A coroutine, or a method of an async generator, that has not taken its first step; a future
    whose exception nobody has asked for.
    """
    if type(thing) is CoroutineType:
        return (
            not thing.cr_suspended
            and not thing.cr_running
            and thing.cr_frame is not None
            and not gc.is_finalized(thing)  # its death was heard of, and somebody has it still
        )
    if type(thing) in _METHODS:
        return asyncgen.is_unawaited(thing)
    if type(thing) in FUTURES:
        return is_unretrieved(thing)
    return True  # a compiled coroutine: it can't be asked


class Missed(NamedTuple):
    """One coroutine that was not awaited: the facts, taken while it could still be asked.

    ``frames`` are innermost first; ``exact`` is false where they show the death and not the birth.
    """

    name: str
    code: CodeType | None
    frames: tuple[RawFrame, ...]
    place: Place
    exact: bool = True
    mock: MockCall | None = None
    given_to: str | None = None
    hidden_by: Any = None
    thread: str | None = None
    held_by: str | None = None
    permit: object = None
    is_body: bool = False  # it is the running test itself
    was_kept: bool = False  # it outlived the phase that made it
    freed_in: Place | None = None  # where a `__del__` made it, for an object of another place
    # a library made it, so far in that some of the frames are missing that led there
    is_far: bool = False


@dataclass(eq=False)
class _Alive:
    """A coroutine that was seen alive and pending at the end of a phase."""

    ref: Callable[[], Any]
    anchor: object  # see `_key`
    place: Place
    permit: object = None
    is_body: bool = False
    is_told: bool = False  # reported already: its death is no news
    freed_in: Place | None = None
    # the frames that made it, where the line of the user's is further out than its origin goes
    frames: tuple[RawFrame, ...] = ()


class MissedAwaits:
    """The check. `enter` and `leave` frame each phase; what dies in between is recorded.

    ``here`` is the place that new coroutines belong to, ``enabled`` whether the running test
    wants the check, ``bodies`` the code that is recorded in any case (ours in the place of the
    test's own, first, and the test's own, last), and ``permit`` the allowance that is open, if one
    is. ``owner`` is the rig.
    """

    kind = Kind.MISSED_AWAIT

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.here = Place(None, Phase.COLLECT)
        self.enabled = True
        self.bodies: Sequence[CodeType] = ()
        self.permit: object = None
        self.runs_async = False  # whether a test needs no mark to be run where it is async
        self.owner: object = None
        self.window: YoungObjects = choose_window(WANTED, is_pending)
        # the place that is noted of an object with a `__del__`, and the one that is told of
        # what such an object does at its end, by the noted one
        self.birthplace: Callable[[], Place] = lambda: self.here
        self.place_born: Callable[[Place], Place] = lambda place: place
        self.births = self.window.births = Births(lambda: self.birthplace())  # noqa: PLW0108 - the rig sets it
        self._modules = 0  # how many were imported when the seams were last looked after
        self._hook = UnawaitedHook(self._note_death, owner=self)
        self._outer = warning_contexts.Outer()
        self._filter = FirstFilter(self._note_text, self._outer)
        self._mocks = MockHooks(self._note_argument, partial(explain_mocks, is_patched=True))
        self._methods = asyncgen.MethodCalls(self._note_dropped_method)
        # the place that a thread's start belongs to; None where what it does is for who runs
        self.start_of: Callable[[threading.Thread], Place | None] = lambda thread: self.here
        self._threads = ThreadStarts(ORIGIN_DEPTH, self._started)
        self._entered = ExitStack()  # of what `install` has put in place
        # what died since the last drain, in any thread
        self.dead: deque[Missed] = deque()
        # what died where the test's own recorder heard it, by the text of its warning, until the
        # end of the test: pytest.warns() gives a warning again that it did not expect
        self._heard: dict[str, Missed] = {}
        # key -> what is alive and pending, until it is judged or dies
        self.alive: dict[int, _Alive] = {}
        # key -> anchor of what died and was noted, until the test ends: a recorder of warnings
        # brings it back to life, as the source of the warning
        self._noted: dict[int, object] = {}
        # key -> (anchor, the mock that was given the coroutine), until the test ends
        self._given: dict[int, tuple[object, str]] = {}
        # key -> anchor of what was an argument of a coroutine that never ran, until the test ends:
        # nobody could have awaited it, and the other is told
        self._arguments: dict[int, object] = {}
        self._passing = threading.local()
        # the methods of async generators that were reported and are alive: they must not warn
        self._told_methods: list[object] = []
        # the wider fixture, or the test's id, that what runs in these frames is for
        self.running_owner: Callable[[Sequence[RawFrame]], object] = lambda frames: None
        self.fixture_of: Callable[[Iterable[RawFrame]], str | None] = lambda frames: None
        # called with each young future whose exception nobody has asked for: another check's
        self.keep_future: Callable[[Any], None] = lambda future: None

    # -- record: called by the interpreter, in any thread, at any time ---------------------------

    def _note_death(self, coroutine: AnyCoroutine) -> bool:
        alive = self.alive.pop(_key(coroutine)[0], None)
        if alive is not None and alive.is_told:
            return True
        if not self.enabled and not self._is_body(coroutine):
            return False
        key, anchor = _key(coroutine)
        self._noted[key] = anchor
        if key in self._arguments:
            self._arguments |= _arguments_of(coroutine)
            return True
        log = self._recorder()
        missed = self._facts(coroutine, alive)
        if log is not None and self._is_heard(coroutine, log, missed):
            return True
        self._arguments |= _arguments_of(coroutine)
        self.dead.append(missed)
        return True

    def _note_text(self, text: str, frame: FrameType) -> bool:
        if getattr(self._passing, "on", False) or not self.enabled:
            return False
        if self._recorder() is not None and hiding_filter(text) is None:
            return False
        again = self._heard.pop(text, None)
        if again is None:
            quoted = text.split("'")
            name = f"{quoted[3]}.{quoted[1]}" if len(quoted) > 4 else quoted[1]
            call = self._methods.recall(name)
            if call is not None and call.is_loops_own:
                return False
            again = Missed(
                name=name,
                code=None,
                frames=call.frames if call is not None else asyncgen.stack_of(frame),
                place=self.here,
                exact=call is not None,
                hidden_by=hiding_filter(text),
                permit=self.permit,
            )
        self.dead.append(again)
        return True

    def _note_dropped_method(self, call: asyncgen.MethodCall) -> None:
        if self.enabled:
            self.dead.append(Missed(call.name, None, call.frames, self.here, permit=self.permit))

    def _note_argument(self, coroutine: AnyCoroutine, mock: Any) -> None:
        if is_pending(coroutine):
            key, anchor = _key(coroutine)
            self._given[key] = (anchor, mock_name(mock))

    def _recorder(self) -> list[Any] | None:
        """The list of the test's own recorder of warnings, if one is listening."""
        log = recorded_warnings()
        return None if self._outer.has(log) else log

    def _is_heard(self, coroutine: AnyCoroutine, log: list[Any], missed: Missed) -> bool:
        before = len(log)
        self._passing.on = True
        try:
            frame = _outside(sys._getframe(1))
            with_origin = sys.get_coroutine_origin_tracking_depth() > ORIGIN_DEPTH
            warn_as_ever(coroutine, frame, with_origin=with_origin)
        except RuntimeWarning:  # a filter of the test turns it into an error: nobody hears it
            return False
        finally:
            self._passing.on = False
        if len(log) == before:
            return False
        self._heard[str(log[-1].message)] = missed
        return True

    def _facts(self, coroutine: AnyCoroutine, alive: _Alive | None) -> Missed:
        origin = coroutine.cr_origin
        thread = threading.current_thread()
        mock = mock_call_of(coroutine)
        given = self._given.get(_key(coroutine)[0])
        place, permit = self.place_of(thread), self.permit
        freed_in = None
        stack = asyncgen.stack_of(sys._getframe(2))
        if alive is not None:
            place, permit, freed_in = alive.place, alive.permit, alive.freed_in
        else:
            maker = self.maker_of(finalised.object_behind(origin or (), sys._getframe(2)))
            earlier = self._earlier(origin or (), stack) if maker is None else None
            if maker is not None:
                place, permit, freed_in = maker, None, place
            elif earlier is not None:
                place, permit = earlier, None
        frames = () if alive is None else alive.frames
        frames = frames or self._frames_of(origin or (), stack)
        is_far = frames[:1] != (origin or ())[:1] and self._is_made_deep_inside(coroutine)
        if is_far:
            frames = (*(origin or ()), *_from(frames, self.origins.is_users))
        if freed_in is not None and finalised.is_within(frames):
            frames = finalised.inside(frames)
        return Missed(
            name=mock.name if mock is not None else coroutine.__qualname__,
            code=self._told_by(coroutine.cr_code),
            frames=frames,
            place=place,
            exact=bool(origin) and frames[:1] == (origin or ())[:1] and not is_far,
            is_far=is_far,
            mock=mock,
            given_to=given[1] if given is not None else None,
            hidden_by=hiding_filter(f"coroutine '{coroutine.__qualname__}' was never awaited"),
            thread=None if thread is threading.main_thread() else thread.name,
            permit=permit,
            is_body=self._is_body(coroutine) if alive is None else alive.is_body,
            was_kept=alive is not None and alive.place != self.here and freed_in is None,
            freed_in=freed_in,
        )

    def _earlier(self, origin: tuple[RawFrame, ...], stack: tuple[RawFrame, ...]) -> Place | None:
        """The place of an earlier test, whose task or callback has made this and drops it now."""
        if not origin or origin[0] not in stack:
            return None  # what runs by now need not be what made it
        return self.place_of_owner(self.running_owner(stack))

    def place_of_owner(self, owner: object) -> Place | None:
        """The place of what is for an earlier test, on a wider loop; None for all others."""
        if not isinstance(owner, str) or owner == self.here.test:
            return None
        return Place(owner, Phase.CALL)

    def maker_of(self, thing: object) -> Place | None:
        """The place that made an object whose ``__del__`` runs; None where it is this one."""
        noted = None if thing is None else self.births.mark_of(thing)
        if not isinstance(noted, Place):
            return None
        place = self.place_born(noted)
        return None if place.test == self.here.test else place

    def keep_of(self, place: Place, frame: FrameType) -> None:
        """Have what a ``__del__`` has made and a frame holds be this place's."""
        for thing in list(frame.f_locals.values()):
            if type(thing) is CoroutineType and is_pending(thing) and self._is_referable():
                key, anchor = _key(thing)
                if key not in self.alive and finalised.is_within(thing.cr_origin or ()):
                    self.alive[key] = _Alive(weakref.ref(thing), anchor, place, freed_in=self.here)

    def _started(self, thread: threading.Thread) -> Place | None:
        return self.start_of(thread)

    def place_of(self, thread: threading.Thread) -> Place:
        """The place that what happens in a thread belongs to."""
        if thread is not threading.main_thread():
            started = self._threads.started_at(thread)
            if isinstance(started, Place) and started.test != self.here.test:
                return started
        return self.here

    def _frames_of(
        self, origin: tuple[RawFrame, ...], stack: tuple[RawFrame, ...]
    ) -> tuple[RawFrame, ...]:
        """The frames that made a coroutine, from its origin and the stack at its death.

        What is dropped where it was made has the whole way to the test on the stack. What a
        library's thread made has no line of the user's at its birth; at its death it may have.
        """
        if origin and origin[0] in stack:
            return stack[stack.index(origin[0]) :]
        is_users = self.origins.is_users
        if any(is_users(frame[0]) for frame in origin):
            return origin
        is_better = not origin or any(is_users(frame[0]) for frame in stack)
        return stack if is_better else origin

    def _told_by(self, code: CodeType) -> CodeType:
        """The code that a coroutine is told by: the test's own, where ours is in its place."""
        return self.bodies[-1] if self.bodies and code == self.bodies[0] else code

    def _is_body(self, coroutine: AnyCoroutine) -> bool:
        return coroutine.cr_code in self.bodies

    # -- start -----------------------------------------------------------------------------------

    def install(self) -> None:
        """Begin to watch: what exists now is not ours."""
        for part in (self._threads, self._hook, self._filter, self._mocks, self._methods):
            self._entered.enter_context(part)
        self._entered.callback(self._close_told)
        self.window.open()
        self._entered.callback(self.window.close)

    def uninstall(self) -> None:
        """Put everything back as it was, also where `install` did not come to its end."""
        self._entered.close()

    def _close_told(self) -> None:
        for method in self._told_methods:
            asyncgen.forget(method)
        for alive in list(self.alive.values()):
            thing = alive.ref()
            if alive.is_told and type(thing) is CoroutineType and is_pending(thing):
                thing.close()  # it would warn once more when the interpreter shuts down
        self._told_methods.clear()

    def enter(self, place: Place) -> None:
        """A test's setup, the collection, or the end begins: what is made belongs to it now."""
        self.here = place
        self._outer.note()  # pytest's own
        if place.phase is not Phase.SETUP:
            self._filter.ensure()
        elif len(sys.modules) != self._modules:
            self._modules = len(sys.modules)
            self._mocks.ensure()
            self.window.wanted = WANTED | coroutine_types()

    def ensure(self) -> None:
        """Code of the user's is about to run: stand in front of all warning filters."""
        self._filter.ensure()

    def rest(self) -> None:
        """No code of the user's runs until the next `enter`: leave the warning filters alone."""
        self._filter.rest()

    def track(self, depth: int) -> None:
        """Have the frames noted that make a coroutine, this many of each.

        What asyncio's debug mode or the test itself has set is left where it is more.
        """
        if sys.get_coroutine_origin_tracking_depth() <= ORIGIN_DEPTH:
            sys.set_coroutine_origin_tracking_depth(depth)

    # -- finish ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Register what is alive and pending since the window began, less what is garbage."""
        self._methods.settle()
        self._hook.release()
        methods = self._register()  # nothing of it is in a local here: it may be garbage
        if methods is None:
            return
        self.window.collect()
        for method in _of_ids(methods) if methods else ():
            del methods[id(method)]
            self.alive[id(method)] = _Alive(_always(method), method, self.here, self.permit)
        if not self._methods.is_warned_of:  # what the collection killed, it killed without a word
            for call in methods.values():
                if call is not None:
                    self._note_dropped_method(call)

    def _register(self) -> dict[int, asyncgen.MethodCall | None] | None:
        """Register the coroutines that are pending; of the methods of async generators, the ids.

        Each id comes with the call that made it. None where nothing is pending.
        """
        new = self.window.pending()
        looked_for = 0
        methods: dict[int, asyncgen.MethodCall | None] = {}
        for thing in new:
            if type(thing) is CoroutineType:
                key, anchor = _key(thing)
                if key not in self.alive and key not in self._noted and self._is_referable():
                    alive = self.alive[key] = _Alive(
                        weakref.ref(thing), anchor, self.here, self.permit, self._is_body(thing)
                    )
                    if looked_for < _MOST_LOOKED_FOR and self._is_made_deep_inside(thing):
                        alive.frames = self._way_to(thing)
                        looked_for += 1
            elif type(thing) in FUTURES:
                self.keep_future(thing)
            elif (
                type(thing) in _METHODS
                and id(thing) not in self.alive
                and not self._methods.is_loops_own(thing)
            ):
                methods[id(thing)] = self._methods.call_of(thing)
        return methods if new else None

    def _is_made_deep_inside(self, coroutine: AnyCoroutine) -> bool:
        """Whether a library made it, further in than its origin goes."""
        origin = coroutine.cr_origin or ()
        is_users = self.origins.is_users
        is_whole = len(origin) < ORIGIN_DEPTH or any(
            is_users(frame[0]) or frame[0] == threading.__file__ for frame in origin
        )
        return not is_whole

    def _way_to(self, coroutine: AnyCoroutine) -> tuple[RawFrame, ...]:
        """The frames that made a coroutine which a frame holds that has ended in an exception.

        Those that called it are there to the test: where they meet the coroutine's origin, they
        are what is further out. Empty where they do not meet.
        """
        holder = find_holder(coroutine, lambda _: None)
        if holder.held is not Held.FRAME:
            return ()
        stack, origin = way_to(holder.owner), coroutine.cr_origin or ()
        for index, (file, _, function) in enumerate(origin):
            for outer, (other, _, name) in enumerate(stack):
                if (file, function) == (other, name):
                    return (*origin[: index + 1], *stack[outer + 1 :])
        return ()

    def _is_referable(self) -> bool:
        """Whether a weak reference to a coroutine is safe, that another thread may just finalise.

        With our hook it is. A test may have put something else in its place.
        """
        return is_installed() or threading.active_count() == 1

    def collect(self) -> None:
        """End a test: its garbage is collected, so that what dies of it dies in its test."""
        self.track(ORIGIN_DEPTH)  # of what a finaliser makes, the line
        self.window.renew()
        self._heard.clear()
        self._noted.clear()
        self._given.clear()
        self._arguments.clear()
        self._methods.forget()

    def drain(self) -> list[Missed]:
        """What died since the last drain."""
        drained = []
        while self.dead:
            drained.append(self.dead.popleft())
        return drained

    def was_made_under(self, permit: object) -> bool:
        """Whether anything that is not awaited yet was made while this allowance was open."""
        return any(missed.permit is permit for missed in list(self.dead)) or any(
            alive.permit is permit for alive in list(self.alive.values())
        )

    def judge(
        self, recognise: Recognise, chosen: Callable[[Place], bool], waits: Callable[[Holder], bool]
    ) -> list[Missed]:
        """What is still alive of the ``chosen`` places and will not be awaited any more.

        ``waits`` says of a holder whether it may still await what it holds.
        """
        judged: list[tuple[int, Missed]] = []
        # (code, where it was made) -> its holder: a thousand of one line are looked for once
        holders: dict[object, Holder] = {}
        for key in list(self.alive):
            # one that dies meanwhile is taken away by the hook
            alive = self.alive.get(key)
            if alive is None:
                continue
            thing = alive.ref()
            if thing is None or not is_pending(thing):
                self.alive.pop(key, None)
                continue
            if alive.is_told or not chosen(alive.place):
                continue
            twins = (getattr(thing, "cr_code", type(thing)), getattr(thing, "cr_origin", None))
            if twins not in holders:
                holders[twins] = find_holder(thing, recognise)
            # nobody who holds the test's own coroutine will await it once its call is over
            if not alive.is_body and waits(holders[twins]):
                continue
            # another thread may have come for it while the heap was walked, and closed its loop
            if not is_pending(thing):
                self.alive.pop(key, None)
                continue
            alive.is_told = True
            judged.append((key, self._held(thing, alive, holders[twins])))
            if type(thing) is CoroutineType:
                self._arguments |= _arguments_of(thing)
        return [missed for key, missed in judged if key not in self._arguments]

    def _held(self, thing: Any, alive: _Alive, holder: Holder) -> Missed:
        if type(thing) is CoroutineType:
            return self._facts(thing, alive)._replace(thread=None, held_by=holder.words)
        self._told_methods.append(thing)
        call = self._methods.call_of(thing)
        return Missed(
            name=asyncgen.name_of(thing) if call is None else call.name,
            code=None,
            frames=call.frames if call is not None else (),
            place=alive.place,
            exact=call is not None,
            held_by=holder.words,
            permit=alive.permit,
            was_kept=alive.place != self.here,
        )

    # -- wording ---------------------------------------------------------------------------------

    def finding(self, missed: Missed, times: int = 1) -> Finding:
        """The finding in words: what was not awaited, where it was made, and what to type."""
        from .missed_words import Words

        fixture = self.fixture_of(missed.frames)
        words = Words(self.origins, missed, fixture, times=times, runs_async=self.runs_async)
        return replace(words.finding(), count=times)


def _from(frames: tuple[RawFrame, ...], is_users: Callable[[str], bool]) -> tuple[RawFrame, ...]:
    """The frames from the first of the user's outwards."""
    first = next((index for index, frame in enumerate(frames) if is_users(frame[0])), len(frames))
    return frames[first:]


def _key(thing: Any) -> tuple[int, object]:
    """What tells one coroutine from any later one: an id, and what to keep so that it is unique.

    The tuple of its origin is its own, so the id of that tuple is never used again while the
    tuple is kept. A coroutine of a thread without origins has its own id, for what that is worth.
    """
    origin = thing.cr_origin if type(thing) is CoroutineType else None
    return (id(origin), origin) if origin else (id(thing), None)


def _arguments_of(coroutine: AnyCoroutine) -> dict[int, object]:
    """The keys and anchors of the coroutines that one has as arguments, or in a list of them."""
    frame = coroutine.cr_frame
    found: dict[int, object] = {}
    if frame is None:
        return found
    for value in dict(frame.f_locals).values():
        if type(value) is dict:
            value = list(value.values())
        of_value = value if type(value) in _COLLECTIONS else (value,)
        found |= dict(_key(one) for one in of_value if type(one) is CoroutineType)
    return found


def _always(thing: object) -> Callable[[], object]:
    return lambda: thing


def _of_ids(ids: Container[int]) -> list[object]:
    return [
        thing
        for thing in gc.get_objects()
        if id(thing) in ids and type(thing) in WANTED and is_pending(thing)
    ]


def _outside(frame: FrameType | None) -> FrameType | None:
    """The nearest frame that is not anyrig's."""
    package = __name__.partition(".")[0] + "."
    while frame is not None and frame.f_globals.get("__name__", "").startswith(package):
        frame = frame.f_back
    return frame
