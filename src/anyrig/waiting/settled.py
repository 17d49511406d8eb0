"""Until every other task is blocked, and the loop has nothing ready but the caller.

Problem: on asyncio anyio's `wait_all_tasks_blocked` looks again after 0.1 s of the loop's time, and
a virtual clock would jump there.
Approach: trio can tell by itself. On asyncio a callback looks at what the loop has ready, and puts
itself at the end of it, until it was alone twice: the loop has asked for I/O in between, and timers
that were due have run. It never lets the loop wait, so no time passes in a virtual clock. Those of
several callers know each other, and end in the same turn.
Limits: what other threads do is not waited for. uvloop does not show what it has ready: there the
tasks are asked whether they wait for something, in as many turns as callbacks usually take.
"""

from __future__ import annotations

from ..backends import running_library
from ..own import asyncio
from ..seams import asyncio_turns as seam

_ALONE = 2  # turns: the second has seen the I/O that was ready after the first
_BLOCKED = 10  # turns, where the loop's callbacks can't be seen


async def settled() -> None:
    """Wait until every other task is blocked: nothing is ready to run but the caller.

    I/O that is ready and timers that are due are let through first; later timers are not waited
    for, nor is what other threads do (`until` waits for those). No time passes in it by itself,
    and a virtual clock does not jump. Several tasks may call it at once: all of them go on.
    """
    if running_library() == "trio":
        from trio import testing

        await testing.wait_all_tasks_blocked()
        return
    quiet = _Quiet(loop=asyncio.get_running_loop())
    quiet.begin()
    await quiet


class _Quiet(asyncio.Future[None]):
    """Done when the loop had nothing else to do for some turns."""

    _turns = 0

    def begin(self) -> None:
        """Look at the end of each turn."""
        self.get_loop().call_soon(self._look)

    def _look(self) -> None:
        if self.done():
            return
        ready = seam.ready(self.get_loop())
        needed = _BLOCKED if ready is None else _ALONE
        self._turns = self._turns + 1 if self._is_alone(ready) else 0
        if self._turns == needed:
            self.set_result(None)
        else:
            self.begin()

    def _is_alone(self, ready: list[asyncio.Handle] | None) -> bool:
        if ready is None:
            return all(map(seam.is_blocked, asyncio.all_tasks(self.get_loop())))
        # callbacks of others who look, and those that wake a task for which all was quiet
        return all(seam.is_for(handle, _Quiet) for handle in ready)
