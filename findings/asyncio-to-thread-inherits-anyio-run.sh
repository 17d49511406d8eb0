#!/usr/bin/env bash
# `asyncio.to_thread(anyio.run, ...)` works under `asyncio.run` and is refused under `anyio.run`.
#
# Seen on anyio 4.16.0 with sniffio 1.3.1 (CPython 3.11 to 3.13): `anyio.run` names its library in a context
# variable. `asyncio.to_thread` copies the context into the worker, where no loop runs, so there
# `sniffio.current_async_library()` still says "asyncio", and a second `anyio.run` is refused with
# "Already running asyncio in this thread". `anyio.to_thread.run_sync` takes the variable away first.
# Seen: the same program prints "nested: ran" under asyncio.run and the refusal under anyio.run.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q anyio==4.16.0 sniffio==1.3.1
cat >it.py <<'PYTHON'
import asyncio

import anyio


def nested():
    try:
        anyio.run(anyio.sleep, 0)
    except RuntimeError as error:
        return str(error)
    return "ran"


async def main():
    print("asyncio.to_thread:", await asyncio.to_thread(nested))
    print("anyio.to_thread:", await anyio.to_thread.run_sync(nested))


asyncio.run(main())
anyio.run(main)
PYTHON
seen=$(timeout 60 env/bin/python it.py)
echo "$seen"
[ "$seen" = "asyncio.to_thread: ran
anyio.to_thread: ran
asyncio.to_thread: Already running asyncio in this thread
anyio.to_thread: ran" ]
