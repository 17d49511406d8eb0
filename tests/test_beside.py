"""What ran beside a test that has failed stands below its failure."""

from __future__ import annotations

import pytest

from inner import BACKENDS, Suite
from support import Ran

TITLE = " tasks that ran beside it "

HEAD = """
import anyio, anyrig, pytest

async def waits(ready):
    await ready.wait()

async def crashes():
    raise KeyError("crash")

@anyrig.service(scope="module")
async def server(task_status=anyio.TASK_STATUS_IGNORED):
    task_status.started("address")
    await anyio.sleep_forever()

"""


def ran(suite: Suite, text: str, *arguments: str) -> Ran:
    """Run a module of tests on each backend."""
    suite.ini(f"anyrig_backends = {' '.join(BACKENDS)}")
    suite.write("test_it.py", HEAD + text)
    return suite.run(*arguments)


def below(done: Ran) -> list[str]:
    """What stands under each title, up to the next heading."""
    parts = done.text.split(TITLE)[1:]
    return [part.partition("\n")[2].partition("\n_")[0].partition("\n=")[0] for part in parts]


WORKER = """
async def test_fails(task_group):
    task_group.start_soon(waits, anyio.Event(), name="worker")
    await anyio.wait_all_tasks_blocked()
    assert not "done"
"""
PICTURE = """\
└─ worker
      test_it.py:4 in waits
      >   await ready.wait()
      waits for the Event `ready`"""


def test_tasks_of_the_group(suite: Suite) -> None:
    """Those of ``task_group`` are shown, with where each waits, on each backend."""
    done = ran(suite, WORKER)
    assert below(done) == [PICTURE] * len(BACKENDS), done.text


def test_under_xdist(suite: Suite) -> None:
    """A worker's report has them too."""
    suite.ini("anyrig_backends = trio")
    suite.write("test_it.py", HEAD + WORKER)
    assert below(suite.workers()) == [PICTURE]


@pytest.mark.parametrize("uses", [True, False])
def test_wider_fixtures_that_it_uses(suite: Suite, uses: bool) -> None:
    """A service is shown in the tests that use it, and in no other."""
    done = ran(
        suite,
        f"""
async def test_first(server):
    assert server == "address"

async def test_fails({"server" if uses else ""}):
    assert not "done"
""",
    )
    assert [text.splitlines()[0] for text in below(done)] == ["└─ server"] * len(BACKENDS) * uses


def test_setup_that_fails(suite: Suite) -> None:
    """So it is where a fixture fails."""
    done = ran(
        suite,
        """
@pytest.fixture
async def fails(task_group):
    task_group.start_soon(waits, anyio.Event(), name="worker")
    await anyio.wait_all_tasks_blocked()
    raise KeyError("setup")

async def test_it(fails):
    pass
""",
    )
    assert below(done) == [PICTURE] * len(BACKENDS), done.text


def test_a_great_many(suite: Suite) -> None:
    """Of very many the first are shown, and how much there is beside."""
    done = ran(
        suite,
        """
async def test_fails(task_group):
    for _ in range(100):
        task_group.start_soon(waits, anyio.Event())
    await anyio.wait_all_tasks_blocked()
    assert not "done"
""",
    )
    for text in below(done):
        assert text.splitlines()[60:] == ["... and 340 lines more"]


def test_nothing_to_show(suite: Suite) -> None:
    """Nothing is added where the test passes, skips, fails alone or was cut off by a crash."""
    done = ran(
        suite,
        """
async def test_passes(task_group):
    task_group.start_soon(waits, anyio.Event())

async def test_skips(task_group):
    task_group.start_soon(waits, anyio.Event())
    await anyio.wait_all_tasks_blocked()
    pytest.skip()

async def test_alone(task_group):
    assert not "done"

async def test_crash(task_group):
    task_group.start_soon(waits, anyio.Event())
    task_group.start_soon(crashes)
    await anyio.sleep_forever()

@pytest.mark.anyrig(deadlock="off", timeout=0.1)
async def test_timeout(task_group):
    task_group.start_soon(waits, anyio.Event())
    await anyio.sleep_forever()
""",
    )
    many = len(BACKENDS)
    assert done.counts == {"passed": many, "skipped": many, "failed": 3 * many}, done.text
    assert below(done) == []


def test_fixtures_that_end_are_no_failure(suite: Suite) -> None:
    """The end of a fixture beside a service is no failure: in a healthy run nothing is drawn."""
    suite.write(
        "conftest.py",
        """
        def pytest_sessionfinish(session):
            # it comes with the first thing that there is to tell
            assert not session.config.pluginmanager.has_plugin("anyrig-reports")
        """,
    )
    done = ran(
        suite,
        """
@pytest.fixture
async def ends(server):
    yield server

async def test_it(ends):
    assert ends == "address"
""",
    )
    assert (done.status, done.counts) == (0, {"passed": len(BACKENDS)}), done.text
