#!/usr/bin/env bash
# A `with subtests.test()` inside `asyncio.timeout()` keeps the timeout from being raised.
#
# Seen on pytest 9.2.0 (its own fixture `subtests`) with anyio 4.16.0's plugin and trio 0.35.0: the
# subtest takes any BaseException but pytest's own for its failure, `asyncio.CancelledError` and
# `trio.Cancelled` too. So the cancellation ends at the subtest; `asyncio.timeout()` sees its block end
# well and raises no TimeoutError, `trio.fail_after()` no TooSlowError, and the lines behind it run.
# The subtest is told as failed with the bare cancellation. Seen: both "goes on" are printed, and
# neither test knows of a timeout.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0 anyio==4.16.0 trio==0.35.0
cat >test_it.py <<'PYTHON'
import asyncio

import pytest
import trio

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_asyncio(subtests, anyio_backend):
    async with asyncio.timeout(0.01):
        with subtests.test("waits"):
            await asyncio.Event().wait()
    print("asyncio goes on")


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_trio(subtests, anyio_backend):
    with trio.fail_after(0.01):
        with subtests.test("waits"):
            await trio.sleep_forever()
    print("trio goes on")
PYTHON
seen=$(COLUMNS=200 timeout 60 env/bin/python -m pytest -q -rA --tb=line -p no:cacheprovider test_it.py 2>&1) || true
grep -E 'goes on|SUBFAILED|TimeoutError|TooSlowError' <<<"$seen"
grep -q 'asyncio goes on' <<<"$seen"
grep -q 'SUBFAILED\[waits\] test_it.py::test_asyncio.* - asyncio.exceptions.CancelledError' <<<"$seen"
grep -q 'SUBFAILED\[waits\] test_it.py::test_trio.* - trio.Cancelled' <<<"$seen"
! grep -qE 'TimeoutError|TooSlowError' <<<"$seen"
