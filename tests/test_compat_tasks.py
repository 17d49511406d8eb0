"""The shim's `background_tasks`: cancelled, joined, and their errors shown."""

from __future__ import annotations

import pytest

from inner import Suite

SHIM = ("-p", "anyrig_compat", "--anyrig-compat-deprecations=off")
# who runs the test: the shim, also on a wider loop, or anyio's plugin
RUN_BY = {
    "shim": "pytestmark = pytest.mark.asyncio",
    "shim on a wider loop": 'pytestmark = pytest.mark.asyncio(loop_scope="module")',
    "anyio": 'pytestmark = [pytest.mark.anyio, pytest.mark.anyrig(backends=["asyncio"])]',
}
each_runner = pytest.mark.parametrize("run_by", RUN_BY.values(), ids=RUN_BY)

BEGIN = """
import asyncio
import contextlib
import pytest

async def forever():
    await asyncio.sleep(3600)

async def crash():
    await asyncio.sleep(0)
    raise ValueError("boom")

async def fails_at_end():
    try:
        await asyncio.sleep(3600)
    finally:
        raise KeyError("late")

async def goes_on():
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
"""


def _write(suite: Suite, run_by: str, tests: str) -> None:
    (suite.path / "pytest.ini").write_text("[pytest]\n")
    suite.write("test_it.py", BEGIN)
    with (suite.path / "test_it.py").open("a") as file:
        file.write(f"{run_by}\n{tests}")


@each_runner
def test_what_goes_on_is_cancelled_and_joined(suite: Suite, run_by: str) -> None:
    """What is in the list at the end of the test has ended after it, and is no leak."""
    _write(
        suite,
        run_by,
        """
left = []

async def test_leaves(background_tasks):
    background_tasks.append(asyncio.create_task(forever()))
    background_tasks.extend([asyncio.create_task(forever())])
    background_tasks += [asyncio.create_task(forever())]
    background_tasks.insert(0, asyncio.create_task(forever()))
    background_tasks[0:0] = [asyncio.create_task(forever())]
    left.extend(background_tasks)
    assert len(background_tasks) == 5
    assert background_tasks[-1] is left[-1]
    assert isinstance(background_tasks, list)

def test_next():
    assert len(left) == 5
    assert all(task.cancelled() for task in left)
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"passed": 2}, ran.text
    assert suite.found == []


@each_runner
def test_crash_ends_the_test_with_its_error(suite: Suite, run_by: str) -> None:
    """A task that crashes cuts the test off at once, and the test fails with its error."""
    _write(
        suite,
        run_by,
        """
async def test_crashes(background_tasks):
    background_tasks.append(asyncio.create_task(crash()))
    await forever()

async def test_next(background_tasks):
    background_tasks.append(asyncio.create_task(forever()))
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"failed": 1, "passed": 1}, ran.text
    assert "ValueError: boom" in ran.text
    assert "raised in a background task of the fixture `background_tasks`" in ran.text
    assert "which cut off test_it.py:6: await asyncio.sleep(3600)" in ran.text
    assert "anyrig_compat/" not in ran.text
    assert suite.found == []


@each_runner
def test_error_of_the_end_fails_the_teardown(suite: Suite, run_by: str) -> None:
    """What a task raises while it is cancelled fails the teardown of its test."""
    _write(
        suite,
        run_by,
        """
async def test_ends_badly(background_tasks):
    background_tasks.append(asyncio.create_task(fails_at_end()))
    await asyncio.sleep(0)
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"passed": 1, "error": 1}, ran.text
    assert "KeyError: 'late'" in ran.text
    assert suite.found == []


@each_runner
def test_what_does_not_end_is_named(suite: Suite, run_by: str) -> None:
    """A task that takes no cancellation is named, with the line that it waits at."""
    _write(
        suite,
        run_by,
        """
async def test_goes_on(background_tasks):
    background_tasks.append(asyncio.create_task(goes_on()))
    await asyncio.sleep(0)

async def test_next():
    pass
""",
    )
    suite.ini("anyrig_cancel_timeout = 0.05")
    text = (suite.path / "pytest.ini").read_text()
    (suite.path / "pytest.ini").write_text(text.replace("anyio_mode = auto\n", ""))
    ran = suite.spawn(*SHIM)
    assert ran.counts["passed"] == 2, ran.text
    assert "a task has not ended 0.05 s after being cancelled:" in ran.text
    assert "─ goes_on" in ran.text
    assert "test_it.py:21 in goes_on" in ran.text


@each_runner
def test_what_the_test_does_itself_is_no_error(suite: Suite, run_by: str) -> None:
    """What a test awaits, cancels or takes out of the list is its own; what has ended is well."""
    _write(
        suite,
        run_by,
        """
async def one():
    return 1

async def test_awaits_the_error(background_tasks):
    task = asyncio.create_task(crash())
    background_tasks.append(task)
    with pytest.raises(ValueError):
        await task
    await asyncio.sleep(0.01)

async def test_gathers_the_errors(background_tasks):
    background_tasks += [asyncio.create_task(crash()), asyncio.create_task(crash())]
    errors = await asyncio.gather(*background_tasks, return_exceptions=True)
    assert [str(error) for error in errors] == ["boom", "boom"]

async def test_waits_and_asks(background_tasks):
    background_tasks.append(asyncio.create_task(crash()))
    (done,), _ = await asyncio.wait(background_tasks)
    assert str(done.exception()) == "boom"
    await asyncio.sleep(0.01)

async def test_awaits_within_a_time(background_tasks):
    background_tasks.append(asyncio.create_task(crash()))
    with pytest.raises(ValueError):
        await asyncio.wait_for(background_tasks[0], 10)
    await asyncio.sleep(0.01)

async def test_cancels(background_tasks):
    background_tasks.append(asyncio.create_task(forever()))
    background_tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await background_tasks[0]
    await asyncio.sleep(0.01)

async def test_cancels_and_forgets(background_tasks):
    background_tasks.append(asyncio.create_task(forever()))
    for task in background_tasks:
        task.cancel()

async def test_has_ended(background_tasks):
    task = asyncio.create_task(one())
    await task
    background_tasks.append(task)
    background_tasks.append(asyncio.create_task(one()))
    await asyncio.sleep(0.01)
    assert [task.result() for task in background_tasks] == [1, 1]

async def test_takes_back(background_tasks):
    task = asyncio.create_task(crash())
    background_tasks.append(task)
    background_tasks.remove(task)
    await asyncio.sleep(0.01)
    with pytest.raises(ValueError):
        await task

async def test_future(background_tasks):
    future = asyncio.get_running_loop().create_future()
    background_tasks.append(future)
    await asyncio.sleep(0)
    future.set_result(1)
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"passed": 9}, ran.text
    assert suite.found == []


@each_runner
def test_task_that_was_taken_back_is_not_cancelled(suite: Suite, run_by: str) -> None:
    """What a test takes out of the list is watched by the checks again, as all other tasks are."""
    _write(
        suite,
        run_by,
        """
async def test_takes_back(background_tasks):
    task = asyncio.create_task(forever())
    background_tasks.append(task)
    await asyncio.sleep(0)
    background_tasks.remove(task)
""",
    )
    suite.run(*SHIM)
    assert [kind for kind, *_ in suite.found] == ["leaked_task"]


@each_runner
def test_error_before_the_list_knows_of_it(suite: Suite, run_by: str) -> None:
    """A task that has crashed when it is put into the list fails the test, too."""
    _write(
        suite,
        run_by,
        """
async def test_crashed(background_tasks):
    task = asyncio.create_task(crash())
    await asyncio.wait([task])
    background_tasks.append(task)
    await forever()
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"failed": 1}, ran.text
    assert "ValueError: boom" in ran.text


@each_runner
def test_what_is_no_task_is_an_error_at_the_line(suite: Suite, run_by: str) -> None:
    """A coroutine in the place of a task is told where it is put into the list."""
    _write(
        suite,
        run_by,
        """
async def test_coroutine(background_tasks):
    coroutine = forever()
    try:
        background_tasks.append(coroutine)
    finally:
        coroutine.close()
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"failed": 1}, ran.text
    assert ">           background_tasks.append(coroutine)\nE           TypeError:" in ran.text
    assert "write background_tasks.append(asyncio.create_task(...))" in ran.text


def test_sync_fixture_can_put_tasks_into_it(suite: Suite) -> None:
    """A fixture that has the loop, and does not run in it, can put tasks into the list."""
    _write(
        suite,
        RUN_BY["shim"],
        """
@pytest.fixture
def worker(background_tasks, event_loop):
    task = event_loop.create_task(crash())
    background_tasks.append(task)
    return task

async def test_crashes(worker):
    await forever()
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"failed": 1}, ran.text
    assert "ValueError: boom" in ran.text


def test_task_of_another_loop_is_an_error(suite: Suite) -> None:
    """A task that another loop runs can't be joined, and that is told at the line."""
    _write(
        suite,
        RUN_BY["shim"],
        """
async def test_other(background_tasks):
    loop = asyncio.new_event_loop()
    try:
        background_tasks.append(loop.create_future())
    finally:
        loop.close()
""",
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"failed": 1}, ran.text
    assert "belongs to another event loop than this test runs on" in ran.text


def test_on_trio_it_says_what_to_write(suite: Suite) -> None:
    """On trio there are no such tasks: an empty list is well, and putting one in is told."""
    suite.write(
        "test_it.py",
        """
        import asyncio
        import pytest

        pytestmark = pytest.mark.anyrig(backends=["trio"])

        async def test_empty(background_tasks):
            assert background_tasks == []

        async def test_puts(background_tasks):
            background_tasks.append(object())
        """,
    )
    ran = suite.run(*SHIM)
    assert ran.counts == {"passed": 1, "failed": 1}, ran.text
    assert "background_tasks is for asyncio, and this test runs on trio; write the fix" in ran.text


def test_own_fixture_of_a_conftest_wins(suite: Suite) -> None:
    """A suite that has a fixture of that name keeps it, and it is none of the shim's uses."""
    _write(
        suite,
        RUN_BY["shim"],
        """
async def test_own(background_tasks):
    assert background_tasks == "own"
""",
    )
    suite.write(
        "conftest.py",
        """
        import pytest

        pytest_plugins = ["anyrig_compat"]

        @pytest.fixture
        def background_tasks():
            return "own"
        """,
    )
    ran = suite.run()
    assert ran.counts == {"passed": 1}, ran.text
    assert "background_tasks" not in ran.text


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
def test_each_test_that_asks_for_it_is_counted(suite: Suite, workers: bool) -> None:
    """The end of the run says how many tests still have the list, and what to write."""
    _write(
        suite,
        RUN_BY["shim"],
        """
@pytest.mark.parametrize("number", [1, 2])
async def test_first(background_tasks, number):
    pass

async def test_second(background_tasks):
    pass
""",
    )
    ran = (suite.workers if workers else suite.run)("-p", "anyrig_compat", report=False)
    assert ran.counts == {"passed": 3}
    assert (
        "background_tasks: 2 uses, first at test_it.py:24\n"
        "    write the fixture task_group: task_group.start_soon(function, argument)\n"
    ) in ran.text


def test_sync_test_gets_an_empty_list(suite: Suite) -> None:
    """A test that is not async may ask for it, as it could."""
    _write(suite, "", "def test_sync(background_tasks):\n    assert background_tasks == []\n")
    ran = suite.run(*SHIM)
    assert ran.counts == {"passed": 1}, ran.text
