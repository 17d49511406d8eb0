#!/usr/bin/env bash
# One test that cancels its own task fails every later test that shares the wide fixture's runner.
#
# Seen on anyio 4.16.0's plugin with pytest 9.2.0, asyncio: tests and fixtures of a module-wide async fixture run in one task. The test's
# CancelledError ends that task, not the test alone, and the plugin goes on to send calls to it: the next tests fail with
# `anyio.ClosedResourceError` out of the plugin, and so does the fixture's teardown. Their coroutines are never awaited.
# A function-wide fixture has a task for each test: there, the first test alone fails.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0 anyio==4.16.0
cat >test_it.py <<'PYTHON'
import asyncio

import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
async def server():
    yield 1


async def test_cancels_itself(server):
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def test_second(server):
    pass


async def test_third(server):
    pass
PYTHON
seen=$(COLUMNS=120 timeout 60 env/bin/python -m pytest -q --tb=line -p no:cacheprovider test_it.py 2>&1) || true
grep -E '^(FAILED|ERROR) |^3 failed' <<<"$seen"
[ "$(grep -cE '^(FAILED test_it.py::test_(second|third)|ERROR test_it.py::test_third).*ClosedResourceError' <<<"$seen")" = 3 ]
grep -q '^3 failed, 1 error in' <<<"$seen"
