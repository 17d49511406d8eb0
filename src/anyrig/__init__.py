"""anyrig: a pytest plugin that makes async tests tell the truth.

plugin, settings, rig    pytest's hooks, every setting, and the run that they serve
phases, rulings          a test's setup, call and teardown, and what becomes of a finding
findings                 the words: what was found, where it was made, what it does to a test
checks/                  one file for each kind of finding
backends, backend_fixture, live_fixtures, allowances    what a test runs on, with and under
origins, source, holders                                whose line it was, and who holds it
tasks/, fixtures, services    task_group, services, and the tree of tasks
clock/                        virtual time
waiting/                      until something has come, and until all else is settled
mocks/                        doubles: mocks that are made from the real thing
runners/, runner_host    what runs tests and async fixtures for anyio's plugin
who_runs                 who runs a test, where it is not anyio's plugin
loops, guests            asyncio loops that are no runner's of ours; those within a trio run
report/                  findings to words, terminal, JSON, across xdist's workers
seams/                   every use of what our neighbours do not promise
cli/                     the `anyrig` command
plain_imports            has pytest leave our own asserts as they are

PYTEST_DONT_REWRITE: an assert of ours shows nothing to a user, and the shim imports us first.
"""

from __future__ import annotations

from . import plain_imports

plain_imports.install()  # before all others

# ruff: isort: split

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__
from .allowances import allow
from .clock.face import Clock
from .clock.fast import FastSleep, Sleep
from .findings import (
    BlockedLoopError,
    CancelledByFixture,
    ClockError,
    DeadlockError,
    DidNotHappen,
    Finding,
    FindingError,
    Kind,
    LeakedAsyncGenError,
    LeakedContextVarError,
    LeakedTaskError,
    LeakedThreadError,
    LostExceptionError,
    MissedAwaitError,
    MockError,
    NeverRanError,
    Origin,
    Policy,
    TaskDidNotEnd,
    TimedOutError,
    UnusedAllowanceError,
    UnusedStubError,
    WrongBackendError,
    WrongThreadError,
)
from .rulings import migrating
from .services import Service, service
from .tasks.tree import task_tree

if TYPE_CHECKING:
    from . import mocks
    from .fixtures import open_group
    from .loops import watch_loop
    from .waiting.settled import settled
    from .waiting.until import until

__all__ = [
    "BlockedLoopError",
    "CancelledByFixture",
    "Clock",
    "ClockError",
    "DeadlockError",
    "DidNotHappen",
    "FastSleep",
    "Finding",
    "FindingError",
    "Kind",
    "LeakedAsyncGenError",
    "LeakedContextVarError",
    "LeakedTaskError",
    "LeakedThreadError",
    "LostExceptionError",
    "MissedAwaitError",
    "MockError",
    "NeverRanError",
    "Origin",
    "Policy",
    "Service",
    "Sleep",
    "TaskDidNotEnd",
    "TimedOutError",
    "UnusedAllowanceError",
    "UnusedStubError",
    "WrongBackendError",
    "WrongThreadError",
    "__version__",
    "allow",
    "migrating",
    "mocks",
    "open_group",
    "service",
    "settled",
    "task_tree",
    "until",
    "watch_loop",
]

# what a run may do without is imported when it is first asked for
_LATER = {
    "mocks": "mocks",
    "open_group": "fixtures",
    "settled": "waiting.settled",
    "until": "waiting.until",
    "watch_loop": "loops",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_LATER[name]}", __name__)
    value = globals()[name] = module if name == "mocks" else getattr(module, name)
    return value
