#!/usr/bin/env bash
# `patch("asyncio.current_task", return_value=None)` makes `anyio.sleep` fail, or not, by who started the loop.
#
# Seen on anyio 4.16.0 with sniffio 1.3.1 (CPython 3.11.7, 3.13.0): sniffio looks `asyncio.current_task` up by its name at each question, so a patch of
# it that is meant for the code under test (tracing, logging) decides what anyio believes to be running. Under `asyncio.run` every anyio call
# then raises NoEventLoopError; under `anyio.run` a context variable answers first, and the same code works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/python -m pip install -q anyio==4.16.0 sniffio==1.3.1
cat >it.py <<'PYTHON'
import asyncio
from unittest.mock import patch

import anyio


async def main():
    with patch("asyncio.current_task", return_value=None):
        try:
            await anyio.sleep(0)
        except anyio.NoEventLoopError as error:
            print(type(error).__name__)
        else:
            print("slept")


asyncio.run(main())
anyio.run(main)
PYTHON
seen=$(timeout 60 env/bin/python it.py)
echo "$seen"
[ "$seen" = "NoEventLoopError
slept" ]
