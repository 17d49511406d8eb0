"""The migration shim: suites written for pytest-asyncio on anyrig, unchanged, while they move.

plugin       steps back for the real pytest-asyncio, or takes its place
running      pytest's hooks: tests and fixtures through anyio's plugin, each on its scope's loop
loops        one event loop for each scope, and what crosses between contexts
fixtures     event_loop, event_loop_policy, the unused ports
marks        what ``@pytest.mark.asyncio`` says
names        the options and flags
stand_in     what ``import pytest_asyncio`` finds
guest        an asyncio loop that is the guest of a trio run: on_asyncio, open_asyncio
guest_loop, ending    that loop itself, and how what is left in it ends
contexts     context variables that both sides have in common while one awaits the other
on_trio      asyncio-only fixtures for tests on trio
bridge       what they give, as tests on trio can use it: bridge, unbridge, call_on_trio
unbridged    what is told of asyncio's awaitables that reach trio without a bridge
natures, proxies, crossing, keeper    what needs a proxy, and how calls and blocks cross
tasks        background_tasks
fast_sleep   what stands in the place of asyncio.sleep in tests that did not move
web          pytest-aiohttp's fixtures
following    fixtures of the shim's own, which run where the test runs
deprecations how many uses of old names are left, and what to write in their place
choices      a setting that has a few words to choose among
seams/       every use of what our neighbours do not promise

PYTEST_DONT_REWRITE: an assert of ours shows nothing to a user.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# not later: the module of this name would stand in the way of the function
from .bridge import bridge, call_on_trio, unbridge
from .stand_in import install

if TYPE_CHECKING:
    from .guest import Guest, current_guest, on_asyncio, open_asyncio

__all__ = [
    "Guest",
    "bridge",
    "call_on_trio",
    "current_guest",
    "on_asyncio",
    "open_asyncio",
    "unbridge",
]

# before any file of the suite is imported; the real pytest-asyncio is found before it
install()

pytest_plugins = [
    "anyrig_compat.plugin",
    "anyrig_compat.deprecations",
    "anyrig_compat.unbridged",
]

# what a run may do without is imported when it is first asked for
_LATER = {
    "Guest": "guest",
    "current_guest": "guest",
    "on_asyncio": "guest",
    "open_asyncio": "guest",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value
