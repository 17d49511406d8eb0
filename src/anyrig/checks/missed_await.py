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

import gc
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from types import CodeType, CoroutineType, FrameType
from typing import Any

from .. import source
from ..findings import Finding, Kind, Phase, Place
from ..holders import Held, Holder, Recognise, find_holder
from ..origins import Origins, RawFrame
from ..seams.cpython import asyncgen
from ..seams.cpython.filters import FirstFilter, hiding_filter
from ..seams.cpython.threads import ThreadStarts
from ..seams.cpython.unawaited import (
    AnyCoroutine,
    UnawaitedHook,
    recorded_warnings,
    warn_as_ever,
)
from ..seams.cpython.young import YoungObjects, choose_window
from ..seams.unittest_mock import ArgumentNotes, MockCall, mock_call_of, mock_name

# the user's line, and what a mock and a decorator put before it; each frame costs each coroutine
ORIGIN_DEPTH = 6
STACK_DEPTH = 32
_LONG = 60  # a call that is longer than this is named in place of shown
WANTED = frozenset({CoroutineType, asyncgen.SEND_TYPE, asyncgen.CLOSE_TYPE})


def is_pending(thing: Any) -> bool:
    """Whether a coroutine (or a method of an async generator) has not taken its first step."""
    if type(thing) is CoroutineType:
        return not thing.cr_suspended and not thing.cr_running and thing.cr_frame is not None
    return asyncgen.is_unawaited(thing)


@dataclass(frozen=True, slots=True)
class Missed:
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


@dataclass(slots=True, eq=False)
class _Alive:
    """A coroutine that was seen alive and pending at the end of a phase."""

    ref: Callable[[], Any]
    anchor: object  # see `_key`
    place: Place
    permit: object = None
    is_body: bool = False
    is_told: bool = False  # reported already: its death is no news


class MissedAwaits:
    """The check. `enter` and `leave` frame each phase; what dies in between is recorded.

    ``here`` is the place that new coroutines belong to, ``enabled`` whether the running test
    wants the check, ``bodies`` the code that is recorded in any case (the test's own), and
    ``permit`` the allowance that is open, if one is. ``owner`` is the rig.
    """

    kind = Kind.MISSED_AWAIT

    def __init__(self, origins: Origins) -> None:
        self.origins = origins
        self.here = Place(None, Phase.COLLECT)
        self.enabled = True
        self.bodies: frozenset[CodeType] = frozenset()
        self.permit: object = None
        self.owner: object = None
        self.window: YoungObjects = choose_window(WANTED, is_pending)
        self._hook = UnawaitedHook(self._note_death, owner=self)
        self._filter = FirstFilter(self._note_text)
        self._arguments = ArgumentNotes(self._note_argument)
        self._methods = asyncgen.MethodCalls(self._note_dropped_method)
        self._threads = ThreadStarts(ORIGIN_DEPTH, lambda: self.here)
        self._base_log: object = None
        # what died since the last drain, in any thread
        self._dead: deque[Missed] = deque()
        # what died where the test's own recorder heard it, by the text of its warning, until the
        # end of the test: pytest.warns() gives a warning again that it did not expect
        self._heard: dict[str, Missed] = {}
        # key -> what is alive and pending, until it is judged or dies
        self._alive: dict[int, _Alive] = {}
        # key -> anchor of what died and was noted, until the test ends: a recorder of warnings
        # brings it back to life, as the source of the warning
        self._noted: dict[int, object] = {}
        # key -> (anchor, the mock that was given the coroutine), until the test ends
        self._given: dict[int, tuple[object, str]] = {}
        self._passing = threading.local()
        # the methods of async generators that were reported and are alive: they must not warn
        self._told_methods: list[object] = []
        self.fixture_of: Callable[[Iterable[RawFrame]], str | None] = lambda frames: None

    # -- record: called by the interpreter, in any thread, at any time ---------------------------

    def _note_death(self, coroutine: AnyCoroutine) -> bool:
        alive = self._alive.pop(_key(coroutine)[0], None)
        if alive is not None and alive.is_told:
            return True
        if not self.enabled and not self._is_body(coroutine):
            return False
        key, anchor = _key(coroutine)
        self._noted[key] = anchor
        log = self._recorder()
        missed = self._facts(coroutine, alive)
        if log is not None and self._is_heard(coroutine, log, missed):
            return True
        self._dead.append(missed)
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
                frames=call.frames if call is not None else _frames(frame),
                place=self.here,
                exact=call is not None,
                hidden_by=hiding_filter(text),
                permit=self.permit,
            )
        self._dead.append(again)
        return True

    def _note_dropped_method(self, call: asyncgen.MethodCall) -> None:
        if self.enabled:
            self._dead.append(Missed(call.name, None, call.frames, self.here, permit=self.permit))

    def _note_argument(self, coroutine: AnyCoroutine, mock: Any) -> None:
        if is_pending(coroutine):
            key, anchor = _key(coroutine)
            self._given[key] = (anchor, mock_name(mock))

    def _recorder(self) -> list[Any] | None:
        """The list of the test's own recorder of warnings, if one is listening."""
        log = recorded_warnings()
        return None if log is self._base_log else log

    def _is_heard(self, coroutine: AnyCoroutine, log: list[Any], missed: Missed) -> bool:
        before = len(log)
        self._passing.on = True
        try:
            frame = _outside(sys._getframe(1))
            with_origin = sys.get_coroutine_origin_tracking_depth() != ORIGIN_DEPTH
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
        place = self.here
        if alive is not None:
            place = alive.place
        elif thread is not threading.main_thread():
            started = self._threads.started_at(thread)
            if isinstance(started, Place) and started.test != place.test:
                place = started
        frames = self._frames_of(origin or (), _frames(sys._getframe(2)))
        return Missed(
            name=mock.name if mock is not None else coroutine.__qualname__,
            code=coroutine.cr_code,
            frames=frames,
            place=place,
            exact=bool(origin) and frames[0] == origin[0],
            mock=mock,
            given_to=given[1] if given is not None else None,
            hidden_by=hiding_filter(f"coroutine '{coroutine.__qualname__}' was never awaited"),
            thread=None if thread is threading.main_thread() else thread.name,
            held_by=None,
            permit=self.permit if alive is None else alive.permit,
            is_body=self._is_body(coroutine) if alive is None else alive.is_body,
        )

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
        if not any(is_users(frame[0]) for frame in origin):
            if not origin or any(is_users(frame[0]) for frame in stack):
                return stack
        return origin

    def _is_body(self, coroutine: AnyCoroutine) -> bool:
        return coroutine.cr_code in self.bodies

    # -- start -----------------------------------------------------------------------------------

    def install(self) -> None:
        """Begin to watch: what exists now is not ours."""
        self._threads.__enter__()
        self._hook.__enter__()
        self._filter.__enter__()
        self._arguments.__enter__()
        self._methods.__enter__()
        self.window.open()

    def uninstall(self) -> None:
        """Put everything back as it was."""
        self.window.close()
        for method in self._told_methods:
            asyncgen.forget(method)
        for alive in self._alive.values():
            thing = alive.ref()
            if alive.is_told and type(thing) is CoroutineType and is_pending(thing):
                thing.close()  # it would warn once more when the interpreter shuts down
        self._told_methods.clear()
        for part in (self._methods, self._arguments, self._filter, self._hook, self._threads):
            part.__exit__(None, None, None)

    def enter(self, place: Place) -> None:
        """A phase begins: what is made from here on belongs to it."""
        self.here = place
        if place.phase is Phase.SETUP:
            self.window.renew()
            self._base_log = recorded_warnings()
            self._arguments.ensure()
        self._filter.ensure()

    # -- finish ----------------------------------------------------------------------------------

    def settle(self) -> None:
        """Register what is alive and pending since the window began; collect it if it is garbage."""
        self._methods.settle()
        new = self.window.pending()
        if not new:
            return
        # id -> the call that made it, of the methods of async generators
        methods: dict[int, asyncgen.MethodCall | None] = {}
        for thing in new:
            if type(thing) is CoroutineType:
                key, anchor = _key(thing)
                if key not in self._alive and key not in self._noted:
                    self._alive[key] = _Alive(
                        weakref.ref(thing), anchor, self.here, self.permit, self._is_body(thing)
                    )
            elif id(thing) not in self._alive and not self._methods.is_loops_own(thing):
                methods[id(thing)] = self._methods.call_of(thing)
        del new, thing
        self.window.collect()
        for method in _of_ids(methods) if methods else ():
            del methods[id(method)]
            self._alive[id(method)] = _Alive(_always(method), method, self.here, self.permit)
        if not self._methods.is_warned_of:  # what the collection killed, it killed without a word
            for call in methods.values():
                if call is not None:
                    self._note_dropped_method(call)

    def collect(self) -> None:
        """End a test's window: the garbage that it made is collected, and what that kills recorded."""
        self.window.collect()
        self._heard.clear()
        self._noted.clear()
        self._given.clear()
        self._methods.forget()

    def drain(self) -> list[Missed]:
        """What died since the last drain."""
        drained = []
        while self._dead:
            drained.append(self._dead.popleft())
        return drained

    def has_alive(self) -> bool:
        """Whether anything was alive and pending at the end of some phase."""
        return bool(self._alive)

    def was_made_under(self, permit: object) -> bool:
        """Whether anything that is not awaited yet was made while this allowance was open."""
        return any(missed.permit is permit for missed in list(self._dead)) or any(
            alive.permit is permit for alive in self._alive.values()
        )

    def judge(
        self, recognise: Recognise, chosen: Callable[[Place], bool], waits: Callable[[Holder], bool]
    ) -> list[Missed]:
        """What is still alive of the ``chosen`` places and will not be awaited any more.

        ``waits`` says of a holder whether it may still await what it holds.
        """
        judged: list[Missed] = []
        # (code, where it was made) -> its holder: a thousand of one line are looked for once
        holders: dict[object, Holder] = {}
        for key, alive in list(self._alive.items()):
            thing = alive.ref()
            if thing is None or not is_pending(thing):
                del self._alive[key]
                continue
            if alive.is_told or not chosen(alive.place):
                continue
            twins = (getattr(thing, "cr_code", type(thing)), getattr(thing, "cr_origin", None))
            if twins not in holders:
                holders[twins] = find_holder(thing, recognise)
            # nobody who holds the test's own coroutine will await it once its call is over
            if not alive.is_body and waits(holders[twins]):
                continue
            alive.is_told = True
            judged.append(self._held(thing, alive, holders[twins]))
        return judged

    def _held(self, thing: Any, alive: _Alive, holder: Holder) -> Missed:
        if type(thing) is CoroutineType:
            return replace(self._facts(thing, alive), thread=None, held_by=holder.words)
        self._told_methods.append(thing)
        call = self._methods.call_of(thing)
        return Missed(
            name=call.name if call is not None else f"{asyncgen.qualname_of(thing)}.aclose",
            code=None,
            frames=call.frames if call is not None else (),
            place=alive.place,
            exact=call is not None,
            held_by=holder.words,
            permit=alive.permit,
        )

    # -- wording ---------------------------------------------------------------------------------

    def finding(self, missed: Missed) -> Finding:
        """The finding in words: what was not awaited, where it was made, and what to type."""
        return _Words(self.origins, missed, self.fixture_of(missed.frames)).finding()


class _Words:
    """One missed await in words."""

    def __init__(self, origins: Origins, missed: Missed, fixture: str | None) -> None:
        if not _names_it(origins, missed):
            missed = _where_passed(origins, missed)
        self._missed = missed
        self._fixture = fixture
        self._origins = origins
        self._origin = origins.locate(missed.frames, exact=missed.exact)
        self._site = self._find_site()

    def finding(self) -> Finding:
        missed = self._missed
        return Finding(
            kind=Kind.MISSED_AWAIT,
            place=missed.place,
            what=self._what(),
            summary=f"`{self._call_text()}` was never awaited",
            origin=self._origin,
            details=tuple(self._details()),
            mend=tuple(self._mend()),
        )

    def _find_site(self) -> source.CallSite | None:
        frame = self._origins.users_frame(self._missed.frames)
        if frame is None:
            return None
        names = {self._missed.name.removesuffix("()").rpartition(".")[2]}
        if self._missed.code is not None:
            names.add(self._missed.code.co_name)
        return source.find_call(frame[0], frame[1], frozenset(names))

    def _call_text(self) -> str:
        """The call as the source has it; a mock's with the arguments that it got."""
        mock, site = self._missed.mock, self._site
        if mock is not None:
            return f"{mock.name if site is None else site.function_text}({mock.arguments})"
        if site is not None and len(site.text) <= _LONG:
            return site.text
        return f"{self._missed.name}()"

    def _what(self) -> str:
        mock = self._missed.mock
        if mock is not None:
            return f"the {mock.class_name} `{mock.name}`"
        if self._missed.code is None:
            return f"`{self._missed.name}()`"
        return f"the coroutine `{self._missed.name}`"

    def _details(self) -> Iterable[str]:
        missed, site = self._missed, self._site
        phase = missed.place.phase
        if self._fixture is not None:
            yield f"made by the fixture `{self._fixture}`, in the {phase.value}"
        elif phase in (Phase.SETUP, Phase.TEARDOWN):
            yield f"made in the {phase.value} of the test"
        if missed.given_to is not None:
            to = f" (`{site.given_to}`)" if site is not None and site.given_to else ""
            yield f"handed to the mock `{missed.given_to}`{to}, which awaits nothing"
        elif site is not None and site.given_to_task:
            yield "its task never took a first step: the event loop ended before"
        if missed.held_by is not None:
            yield f"still held by {missed.held_by}"
        if missed.thread is not None:
            yield f"in the thread {missed.thread}"
        if self._origin is not None and not self._origin.exact:
            yield "the line was read off the source, or is the one that dropped it"
        if missed.hidden_by is not None:
            yield f"its warning is hidden by {self._filter_words(missed.hidden_by)}"

    def _filter_words(self, entry: Any) -> str:
        filename = getattr(entry, "filename", None)
        if filename is None or not self._origins.is_users(filename):
            return f"a warning filter ({_filter_text(entry)})"
        return f"the warning filter at {self._origins.path(filename)}:{entry.lineno}"

    def _mend(self) -> Iterable[str]:
        missed, mock = self._missed, self._missed.mock
        if missed.given_to is not None:
            yield "let the mock await what it is given, or close it there:"
            yield f"    {missed.given_to}.side_effect = ..."
        elif mock is None or mock.real_is_sync is False:
            yield from self._await_it()
        elif mock.real_is_sync:
            yield f"the real `{mock.name}` is sync: give it a MagicMock"
        else:
            yield f"where the real `{mock.name}` is async:"
            yield from self._await_it()
            yield "where it is sync: a MagicMock in place of the AsyncMock"

    def _await_it(self) -> Iterable[str]:
        site = self._site
        if site is None:
            yield f"    await {self._call_text()}"
        elif site.given_to_task:
            yield "keep the task, and await it before the test ends:"
            yield f"    task = {site.given_to}({site.text})"
            yield "    await task"
        elif site.is_awaited:
            yield f"make `{site.text}` later: what was to await it failed before"
        elif site.given_to is not None and self._missed.held_by is not None:
            yield f"await what {site.given_to} was given before the test ends, or close it"
        elif site.function == "<module>":
            yield f"    asyncio.run({site.text})"
        else:
            if site.function == "<lambda>":
                yield "an `async def` in place of the lambda, with"
            elif not site.in_async:
                yield f"make `{site.function}` an `async def`, with"
            yield f"    {site.mended or f'await {site.text}'}"


def _where_passed(origins: Origins, missed: Missed) -> Missed:
    """What a library called for the user: the line that passes the function by its name, if any.

    One in the test itself is the likeliest, then one in its file, then any other of the user's.
    """
    name = missed.name.rpartition(".")[2]
    path, _, test = (missed.place.test or "").partition("::")
    test = test.rpartition("::")[2].partition("[")[0]
    files = [getattr(module, "__file__", None) or "" for module in list(sys.modules.values())]
    found = [
        (function != test, not file.endswith(path), file, lineno, function)
        for file in files
        if origins.is_users(file)
        for lineno, function in source.find_passed(file, name)
    ]
    if found:
        *_, file, lineno, function = min(found)
        frame = (file, lineno, function)
    elif missed.code is not None and origins.is_users(missed.code.co_filename):
        if origins.users_frame(missed.frames) in missed.frames:
            return missed
        frame = origins.definition_frame(missed.code)
    else:
        return missed
    return replace(missed, frames=(frame, *missed.frames), exact=False)


def _names_it(origins: Origins, missed: Missed) -> bool:
    """Whether the frames lead to a line of the user's that is likely the right one."""
    frame = origins.users_frame(missed.frames)
    if frame is None or not origins.is_users(frame[0]):
        return False
    return missed.exact or missed.name.rpartition(".")[2] in source.line(frame[0], frame[1])


def _key(thing: Any) -> tuple[int, object]:
    """What tells one coroutine from any later one: an id, and what to keep so that it is unique.

    The tuple of its origin is its own, so the id of that tuple is never used again while the
    tuple is kept. A coroutine of a thread without origins has its own id, for what that is worth.
    """
    origin = thing.cr_origin if type(thing) is CoroutineType else None
    return (id(origin), origin) if origin else (id(thing), None)


def _always(thing: object) -> Callable[[], object]:
    return lambda: thing


def _of_ids(ids: Container[int]) -> list[object]:
    return [
        thing
        for thing in gc.get_objects()
        if id(thing) in ids and type(thing) in WANTED and is_pending(thing)
    ]


def _frames(frame: FrameType | None) -> tuple[RawFrame, ...]:
    frames: list[RawFrame] = []
    while frame is not None and len(frames) < STACK_DEPTH:
        frames.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(frames)


def _outside(frame: FrameType | None) -> FrameType | None:
    """The nearest frame that is not anyrig's."""
    package = __name__.partition(".")[0] + "."
    while frame is not None and frame.f_globals.get("__name__", "").startswith(package):
        frame = frame.f_back
    return frame


def _filter_text(entry: Any) -> str:
    action, message, category, *_ = entry
    pattern = getattr(message, "pattern", message) or ""
    return f"{action}:{pattern}:{category.__name__}"
