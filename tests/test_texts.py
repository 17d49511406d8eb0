"""The whole text of a report at 80 columns, as it stands in ``tests/expected/``.

On a mismatch the new text is printed, ready to paste. To take it over: ``ANYRIG_UPDATE=1``, and
read the diff.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import shown
from anyrig import Kind
from inner import NEVER_RAN, WRONG_BACKEND, Suite
from mixed import MIXED

EXPECTED = Path(__file__).parent / "expected"

MOCKS = """
from unittest.mock import AsyncMock, MagicMock, patch
import asyncio

class Store:
    async def save(self, name, price): ...
    def names(self): ...

async def main(): ...

async def test_named():
    store = AsyncMock(name="store")
    store.save("lamp", price=3)

async def test_sync_in_the_spec():
    store = MagicMock(spec=Store, name="store")
    store.names = AsyncMock()
    store.names()

async def test_async_in_the_spec():
    store = AsyncMock(spec=Store)
    store.save("lamp", price=3)

async def test_attribute_of_a_call():
    client = AsyncMock(name="client")
    answer = await client.get("/names")
    answer.raise_for_status()

def test_patched_run():
    with patch("asyncio.run"):
        asyncio.run(main())
"""

INNOCENT = """
async def save(): ...

async def test_awaits():
    await save()

def test_closes():
    save().close()
"""

SUITES = {
    "mixed": MIXED,
    "never_ran": NEVER_RAN,
    "wrong_backend": WRONG_BACKEND,
    "mocks": MOCKS,
    "innocent": INNOCENT,
}


# what is shown whole on one backend, and on both
ON_ASYNCIO = {f"{name}.txt": text for name, text in SUITES.items()}
ON_BOTH = {f"both/{name}.txt": text for name, text in shown.SUITES.items()}
TEXTS = {**ON_ASYNCIO, **ON_BOTH}


@pytest.mark.parametrize("name", list(TEXTS))
def test_whole_text(suite: Suite, name: str) -> None:
    """A report reads as its expected file says, letter by letter."""
    if name in ON_ASYNCIO:
        suite.ini("anyrig_backends = asyncio")
    file = EXPECTED / name
    suite.write(f"test_{file.stem}.py", TEXTS[name])
    # on a busy machine each call may hold a loop for long
    text = suite.spawn("--no-header", "-o", "anyrig_blocked_loop_after=60", report=False).text
    if os.environ.get("ANYRIG_UPDATE"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    expected = file.read_text(encoding="utf-8") if file.exists() else ""
    if text != expected:
        print(text)  # noqa: T201 - ready to paste
    assert text.splitlines() == expected.splitlines()


@pytest.mark.parametrize("name", list(TEXTS))
def test_text_fits_the_terminal(name: str) -> None:
    """No line of ours is longer than a terminal of 80 columns, but for code that is to be typed."""
    lines = (EXPECTED / name).read_text(encoding="utf-8").splitlines()
    typed = ("next: ", "mend:   ", " " * 12)
    assert [line for line in lines if len(line) > 80 and not line.startswith(typed)] == []


def test_each_kind_is_shown() -> None:
    """There is a text for each kind of finding, on both backends."""
    assert {kind.value for kind in Kind} <= set(shown.SUITES)
