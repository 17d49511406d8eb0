"""Healthy tests of a textual app, by its own pilot."""

from __future__ import annotations

import asyncio

import pytest
from textual import on, work
from textual.app import App, ComposeResult
from textual.widgets import Button, Input, Label


class Shop(App[str]):
    def compose(self) -> ComposeResult:
        yield Input(id="name")
        yield Button("Buy", id="buy")
        yield Label("nothing yet", id="said")

    @on(Button.Pressed, "#buy")
    async def buy(self) -> None:
        self.fetch(self.query_one(Input).value)

    @work
    async def fetch(self, name: str) -> None:
        await asyncio.sleep(0)
        self.query_one("#said", Label).update(f"bought by {name}")

    @work(thread=True)
    def fetch_in_a_thread(self) -> None:
        self.call_from_thread(self.query_one("#said", Label).update, "from a thread")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_press() -> None:
    app = Shop()
    async with app.run_test() as pilot:
        await pilot.click("#name")
        await pilot.press("A", "n", "n")
        await pilot.click("#buy")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert str(app.query_one("#said", Label).render()) == "bought by Ann"


async def test_a_worker_in_a_thread() -> None:
    app = Shop()
    async with app.run_test() as pilot:
        app.fetch_in_a_thread()
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert str(app.query_one("#said", Label).render()) == "from a thread"


async def test_an_app_that_ends_itself() -> None:
    app = Shop()
    async with app.run_test():
        app.exit("done")
    assert app.return_value == "done"


async def test_a_worker_that_is_cancelled() -> None:
    app = Shop()
    async with app.run_test() as pilot:
        app.fetch("Bob")
        app.workers.cancel_all()
        await pilot.pause()
        assert app.query_one(Input).value == ""
