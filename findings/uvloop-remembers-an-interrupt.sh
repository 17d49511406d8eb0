#!/usr/bin/env bash
# After Ctrl-C in `run_until_complete`, uvloop's next `run_until_complete` ends before it has begun.
#
# Seen on uvloop 0.23.0 (CPython 3.11.7): a SIGINT just as the awaited future is set raises KeyboardInterrupt, as on asyncio. The next call on the same
# loop, with another coroutine that needs a moment, raises "RuntimeError: Event loop stopped before Future completed."; the one after it
# works. On asyncio's own loop the next call works. So cleanup that is run after Ctrl-C in the same loop is lost on uvloop.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q uvloop==0.23.0
cat >it.py <<'PYTHON'
import asyncio
import os
import signal

import uvloop


async def cleanup():
    await asyncio.sleep(0.01)
    return "cleaned up"


for make in (asyncio.new_event_loop, uvloop.new_event_loop):
    loop = make()
    done = loop.create_future()
    loop.call_soon(lambda: os.kill(os.getpid(), signal.SIGINT))
    loop.call_soon(done.set_result, None)
    try:
        loop.run_until_complete(done)
    except KeyboardInterrupt:
        print(make.__module__.partition(".")[0], "interrupted")
    for _ in range(2):
        try:
            print(loop.run_until_complete(cleanup()))
        except RuntimeError as error:
            print(error)
PYTHON
seen=$(timeout 60 env/bin/python -W ignore it.py 2>&1)
echo "$seen"
[ "$seen" = "asyncio interrupted
cleaned up
cleaned up
uvloop interrupted
Event loop stopped before Future completed.
cleaned up" ]
