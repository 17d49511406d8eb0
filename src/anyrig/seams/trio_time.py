"""The clock of a trio run, switched to virtual time and back while the run lives.

Problem: a run's clock is given to it when it begins, and most runs want the real one; trio's
`MockClock` jumps over running threads; deadlines that are due together come in the order of their
addresses, and trio turns the order of what is ready about at random.
Approach: ``Runner.clock`` and ``Runner.deadlines`` of this one run. trio asks the clock how long to
wait where nothing is ready, polls I/O, reads the clock and has the deadlines that are due expire:
there the time jumps, if the poll has brought nothing (``Runner.runq``). ``_run._r``, whose next
number turns the order about, gives 0 meanwhile: first come, first served; the other order, which
``_ALLOW_DETERMINISTIC_SCHEDULING`` (set by pytest-trio) has, is off meanwhile.
A sleep is known by ``sleep_until`` of ``trio._timeouts``, which opens its scope.
Limits: other trio runs in the process, in threads, are first come, first served as well meanwhile.
Seen on trio 0.32 to 0.35.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from math import inf
from typing import Any

from trio._core import _run

from ..backends import is_unbegun
from ..clock.course import Course, Follower
from ..own import sys, trio
from .trio import descriptors_of, open_scopes

_WITHIN = 8  # frames between the deadline of a scope and who opens it
_MANY = 64  # deadlines, before those that were changed are looked for
_FOREVER = 86400.0  # seconds: the longest that trio waits


class RunTime(Follower, trio.abc.Clock):
    """The clock of one run; real until it follows a course, and whenever it does not."""

    def __init__(self) -> None:
        super().__init__()
        self._runner: Any = None
        self._before: Any = None  # the clock that the run had
        self._offset = 0.0
        self._deadlines = _Deadlines(self)
        self._order: tuple[Any, bool] = (None, False)  # what trio orders by, to be put back
        self._may_jump = False
        self.turn = 0  # of the run, where the course is of sleeps alone

    # -- what trio asks ------------------------------------------------------------------------

    def start_clock(self) -> None:
        """The run begins."""

    def current_time(self) -> float:
        """What the run's clock says."""
        course = self._course
        if course is None:
            real: float = self._before.current_time()
            return real + self._offset
        return course.now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """How long to wait in real seconds; trio asks where nothing is ready."""
        course = self._course
        if course is None:
            return deadline - self.current_time()
        if deadline <= course.now or self._deadlines.sleeps:
            return 0
        if self.is_skipping:
            return deadline - course.now
        if deadline == inf or self._runner.waiting_for_idle or not course.may_jump(deadline):
            return _FOREVER
        # a thread that has ended has sent its result before: it is there when I/O is polled
        pause = course.keeper.look(deadline - course.now)
        self._may_jump = not pause
        return pause

    def expire(self, now: float) -> float:
        """What the time is for the deadlines that are about to expire: trio has polled I/O."""
        course = self._course
        if course is not None and self.is_skipping:
            return self._skip(course)
        if self._may_jump:
            self._may_jump = False
            if course is not None and not self._runner.runq:
                course.jump(self._deadlines.next_deadline())
                return course.now
        return now

    def note_sleep(self) -> bool:
        """Whether a deadline that is set now is the end of a sleep, which skips time."""
        course = self._course
        if course is None or course.sleeps is None:
            return False
        frame = sys._getframe(2)
        for _ in range(_WITHIN):
            if frame.f_code.co_name == "sleep_until" and "trio" in frame.f_code.co_filename:
                around = frame.f_back
                is_sleep = around is not None and around.f_code is trio.sleep.__code__
                seconds = around.f_locals["seconds"] if around and is_sleep else None
                outer = around if around is not None and is_sleep else frame
                course.sleeps.note(seconds, trio.lowlevel.current_task().name, outer)
                return True
            if frame.f_back is None:
                return False
            frame = frame.f_back
        return False

    def _skip(self, course: Course) -> float:
        """Move the time to the next deadline, but for the timeouts in which nobody sleeps."""
        sleeping = self._deadlines.sleeping()
        self.turn += 1
        if sleeping and not self._has_started(self._deadlines.first_turn()):
            # the sleeper's own scope is the innermost of its task
            tasks = [task for scope in sleeping for task in scope._cancel_status._tasks]
            around = {id(scope) for task in tasks for scope in open_scopes(task, None)}
            scopes = self._deadlines.scopes()
            when = min(scope.deadline for scope in scopes if id(scope) in around)
            by = when - course.now
            if by > 0:
                for scope in scopes:
                    if id(scope) not in around:
                        scope.deadline += by
                course.jump(when)
        return course.now

    def _has_started(self, turn: int) -> bool:
        """Whether it was the turn before, and tasks that were started in it have yet to run."""
        return turn + 1 == self.turn and any(is_unbegun(task.coro) for task in self._runner.runq)

    def _descriptors(self) -> list[int]:
        return descriptors_of(self._runner)

    # -- switching -----------------------------------------------------------------------------

    def can_follow(self) -> bool:
        """Whether the clock of the run that this is called in can be set: it is trio's own."""
        context: Any = _run.GLOBAL_RUN_CONTEXT
        return isinstance(context.runner.clock, _run.SystemClock)

    def _enter(self, course: Course) -> None:
        if self._runner is None:
            context: Any = _run.GLOBAL_RUN_CONTEXT
            runner = self._runner = context.runner
            self._before, runner.clock = runner.clock, self
            self._deadlines.take(runner.deadlines)
            runner.deadlines = self._deadlines
        course.begin(self.current_time(), self._descriptors)
        self._may_jump = False
        module: Any = _run
        self._order = module._r, module._ALLOW_DETERMINISTIC_SCHEDULING
        module._r, module._ALLOW_DETERMINISTIC_SCHEDULING = _FirstComeFirstServed(module._r), False

    def _leave(self, course: Course) -> None:
        self._deadlines.sleeps.clear()
        # time never runs back
        self._offset = course.now - self._before.current_time()
        module: Any = _run
        module._r, module._ALLOW_DETERMINISTIC_SCHEDULING = self._order


class _FirstComeFirstServed:
    """A `random.Random` whose next number has trio keep the order of what is ready."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind

    def random(self) -> float:
        return 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


class _Deadlines:
    """The deadlines of a run, by when they are due and, among those, were set."""

    def __init__(self, time: RunTime) -> None:
        self._time = time
        self._heap: list[tuple[float, int, Any]] = []
        self._order = count()
        self._limit = _MANY
        # those that end one, and the turn of the run in which it began
        self.sleeps: list[tuple[float, int, Any, int]] = []

    def take(self, others: Any) -> None:
        """Take over what is in trio's own."""
        for deadline, _, scope in sorted(others._heap, key=lambda one: one[0]):
            if deadline == scope._registered_deadline:
                self.add(deadline, scope)

    def add(self, deadline: float, cancel_scope: Any) -> None:
        if len(self._heap) >= self._limit:
            self._forget_changed()
        entry = (deadline, next(self._order), cancel_scope)
        heappush(self._heap, entry)
        if self._time.is_skipping and self._time.note_sleep():
            self.sleeps.append((*entry, self._time.turn))

    def sleeping(self) -> list[Any]:
        """The scopes that end a sleep which is in flight."""
        self.sleeps = [one for one in self.sleeps if one[0] == one[2]._registered_deadline]
        return [scope for *_, scope, _ in self.sleeps]

    def first_turn(self) -> int:
        """The turn in which the first of the sleeps in flight began."""
        return self.sleeps[0][-1]

    def scopes(self) -> list[Any]:
        """The scopes that have a deadline."""
        live = (one for when, _, one in self._heap if when == one._registered_deadline)
        return list({id(scope): scope for scope in live}.values())

    def remove(self, deadline: float, cancel_scope: Any) -> None:
        """It is known by the scope's own deadline, which has changed."""

    def _forget_changed(self) -> None:
        seen: dict[int, tuple[float, int, Any]] = {}
        for one in sorted(self._heap):
            if one[0] == one[2]._registered_deadline:
                seen.setdefault(id(one[2]), one)
        self._heap = list(seen.values())
        heapify(self._heap)
        self._limit = max(_MANY, 2 * len(self._heap))

    def next_deadline(self) -> float:
        heap = self._heap
        while heap and heap[0][0] != heap[0][2]._registered_deadline:
            heappop(heap)
        return heap[0][0] if heap else inf

    def expire(self, now: float) -> bool:
        """Cancel the scopes whose deadline has come, in the order in which they were set."""
        now = self._time.expire(now)
        heap, reason = self._heap, None
        while heap and heap[0][0] <= now:
            deadline, _, scope = heappop(heap)
            if deadline == scope._registered_deadline:
                # it says the same of each, and nobody changes it
                reason = reason or _run.CancelReason(source="deadline")
                scope._cancel(reason)
        return reason is not None
