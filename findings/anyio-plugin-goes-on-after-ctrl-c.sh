#!/usr/bin/env bash
# Ctrl-C in the body of an anyio task group fails one test, and the run goes on.
#
# Seen on anyio 4.16.0's pytest plugin with pytest 9.2.0 and trio 0.35.0: a task group raises what its body raised
# in a group, here a BaseExceptionGroup with a KeyboardInterrupt in it. The plugin means to take Ctrl-C out
# of groups, but looks into `ExceptionGroup` alone. pytest takes the group for a failure like any other.
# The same KeyboardInterrupt outside of a task group ends the run with status 2.
# Seen: "1 failed, 1 passed", status 1, on asyncio and on trio: the test after Ctrl-C runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q pytest==9.2.0 anyio==4.16.0 trio==0.35.0
cat >test_it.py <<'PYTHON'
import anyio
import pytest

pytestmark = pytest.mark.anyio

async def test_interrupted():
    async with anyio.create_task_group():
        raise KeyboardInterrupt

async def test_after_it():
    pass
PYTHON
for backend in asyncio trio; do
    status=0
    seen=$(timeout 60 env/bin/python -m pytest -q -p no:cacheprovider -k "$backend" test_it.py 2>&1) || status=$?
    echo "$backend: $(grep -E "^1 failed, 1 passed" <<<"$seen"), status $status"
    [ "$status" = 1 ]
    grep -q '^1 failed, 1 passed, 2 deselected in' <<<"$seen"
done
