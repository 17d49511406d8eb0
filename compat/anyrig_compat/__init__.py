"""The migration shim: suites written for pytest-asyncio on anyrig, unchanged, while they move.

plugin       steps back for the real pytest-asyncio, or takes its place
running      pytest's hooks: tests and fixtures through anyio's plugin, each on its scope's loop
loops        one event loop for each scope, and what crosses between contexts
fixtures     event_loop, event_loop_policy, the unused ports
marks        what ``@pytest.mark.asyncio`` says
names        the options and flags
stand_in     what ``import pytest_asyncio`` finds
tasks        background_tasks
web          pytest-aiohttp's fixtures
isolated     unittest.IsolatedAsyncioTestCase: what its loop loses
following    fixtures of the shim's own, which run where the test runs
deprecations how many uses of old names are left, and what to write in their place
choices      a setting that has a few words to choose among
seams/       every use of what our neighbours do not promise

PYTEST_DONT_REWRITE: an assert of ours shows nothing to a user.
"""

from .stand_in import install

# before any file of the suite is imported; the real pytest-asyncio is found before it
install()

pytest_plugins = ["anyrig_compat.plugin", "anyrig_compat.deprecations"]
