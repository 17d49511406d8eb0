#!/usr/bin/env bash
# `asyncio.run` logs an error for an async generator that is closed and has nothing left to do.
#
# Seen on CPython 3.11.7, 3.13.0 and 3.15.2. A generator that yields in answer to `aclose()` raises
# "RuntimeError: async generator ignored GeneratorExit" there, which the caller handles. The loop's
# own `shutdown_asyncgens()` closes it once more, and `aclose()` of one that counts as closed raises
# StopAsyncIteration, which no `async for` is there to take: "an error occurred during closing of
# asynchronous generator ... StopAsyncIteration", with a traceback of nobody's lines.
# Surprising, for by its documentation a second `aclose()` returns an awaitable that does nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat >ends.py <<'PYTHON'
import asyncio

kept = []


async def numbers():
    try:
        yield 1
    except GeneratorExit:
        yield 2


async def main():
    generator = numbers()
    kept.append(generator)
    await anext(generator)
    try:
        await generator.aclose()
    except RuntimeError as error:
        print("the caller gets:", error)


asyncio.run(main())
PYTHON
seen=0
for version in 3.11.7 3.13.0 3.15.2; do
    for python in "python${version%.*}" python3 ~/.pyenv/versions/"$version"/bin/python; do
        [ "$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null)" = "$version" ] || continue
        said=$(timeout 60 "$python" ends.py 2>&1)
        printf 'CPython %s\n%s\n' "$version" "$said"
        grep -q '^the caller gets: async generator ignored GeneratorExit' <<<"$said"
        grep -q '^an error occurred during closing of asynchronous generator' <<<"$said"
        grep -q '^StopAsyncIteration' <<<"$said"
        seen=$((seen + 1))
        break
    done
done
[ "$seen" -gt 0 ] || { echo "needs CPython 3.11.7, 3.13.0 or 3.15.2" >&2; exit 1; }
