"""Plugins by all their names, and tests that another plugin runs."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from inner import Suite
from support import Ran

OLD_PYTEST = pytest.version_tuple < (8, 4)  # it skips an async test that no plugin runs
ASYNC = "async def test_it():\n    pass\n"
WITHOUT = "anyrig: anyio's pytest plugin is not loaded, and runs no async test: "
BOTH = "anyrig: anyio_mode and asyncio_mode are both auto, and pytest-asyncio runs each async test"


@pytest.mark.parametrize(
    "plugins",
    [
        ("anyio", "anyrig"),
        ("anyio.pytest_plugin", "anyrig.plugin"),
        ("anyrig.plugin", "anyio.pytest_plugin"),
        ("anyrig", "anyio.pytest_plugin"),
        ("anyrig.plugin", "anyio"),
        ("anyio.pytest_plugin", "anyrig.plugin", "anyrig_compat"),
        ("anyrig_compat", "anyrig.plugin", "anyio.pytest_plugin"),
    ],
)
def test_each_name_of_a_plugin(suite: Suite, plugins: tuple[str, ...]) -> None:
    """The backends are those of the settings, whichever names load the plugins, in any order."""
    suite.ini("anyrig_backends = trio")
    suite.write("test_it.py", ASYNC)
    ran = suite.spawn("-v", plugins=plugins)
    assert (ran.status, ran.counts) == (0, {"passed": 1}), ran.text
    assert "test_it[trio] PASSED" in ran.text


def test_names_in_a_conftest_and_in_workers(suite: Suite) -> None:
    """So it is where a conftest names them, and in the workers of xdist."""
    suite.ini("anyrig_backends = trio")
    suite.write("conftest.py", 'pytest_plugins = ["anyio.pytest_plugin", "anyrig.plugin"]\n')
    suite.write("test_it.py", ASYNC)
    for arguments in ((), ("-n", "1", "-p", "xdist")):
        ran = suite.spawn("-v", *arguments, plugins=())
        assert (ran.status, ran.counts) == (0, {"passed": 1}), ran.text
        assert "test_it[trio]" in ran.text


@pytest.mark.parametrize(
    ("arguments", "mend"), [((), "add '-p anyio'"), (("-p", "no:anyio"), "take '-p no:anyio' away")]
)
def test_without_anyios_plugin(suite: Suite, arguments: tuple[str, ...], mend: str) -> None:
    """A run without anyio's plugin says so at its top, and below its async tests."""
    did_not_run = (0, {"skipped": 1}) if OLD_PYTEST else (1, {"failed": 1})
    suite.ini("filterwarnings = ignore:Unknown config option")
    suite.write("test_it.py", ASYNC)
    for quiet, times in ((), 2), (("-q",), 1):
        ran = suite.spawn(*arguments, *quiet, plugins=("anyrig",))
        assert (ran.status, ran.counts) == did_not_run, ran.text
        assert ran.text.count(WITHOUT + mend) == times
    suite.write("test_it.py", "def test_it():\n    pass\n")
    assert WITHOUT not in suite.spawn(*arguments, "-q", plugins=("anyrig",)).text


CLOSED = "after a test of pytest-asyncio's by that: it does so before 1.0"


def closes_loops() -> bool:
    """Whether the pytest-asyncio here closes the thread's loop after each test, whoever made it."""
    return version("pytest-asyncio").startswith("0.")


def beside(suite: Suite, text: str, *arguments: str, mode: str = "strict") -> Ran:
    """Run a suite beside pytest-asyncio."""
    pytest.importorskip("pytest_asyncio", reason="it runs the tests")
    suite.ini(f"asyncio_mode = {mode}", "asyncio_default_fixture_loop_scope = function")
    suite.write("test_it.py", text)
    return suite.spawn(*arguments, plugins=("anyio", "pytest_asyncio.plugin", "anyrig"))


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_both_in_auto_mode(suite: Suite, mode: str) -> None:
    """Where both plugins take each async test, one line at the top says so, and what to type."""
    ran = beside(suite, "def test_it():\n    pass\n", mode=mode)
    assert ran.counts["passed"] == 1, ran.text
    assert ran.text.count(BOTH) == (mode == "auto")


def _refused(ran: Ran) -> list[str]:
    """Who runs a test, and what it asked for, in each error at setup."""
    return sorted(
        line.partition(", in a loop")[0]
        for line in ran.text.splitlines()
        if " does nothing here: " in line
    )


ASKING = """
import asyncio
import anyio
import anyrig
import pytest

MARK = pytest.mark.{mark}

@anyrig.service(scope="module")
async def ticker(*, task_status):
    task_status.started([])
    await anyio.sleep_forever()

@MARK
async def test_clock(clock): ...

@MARK
async def test_fast_sleep(fast_sleep): ...

@MARK
async def test_group(task_group): ...

@MARK
async def test_service(ticker): ...

@MARK
@pytest.mark.anyrig(clock="virtual")
async def test_marker(): ...

@MARK
@pytest.mark.usefixtures("clock")
class TestClass:
    async def test_class(self): ...

@MARK
async def test_asks_later(request, anyio_backend):
    with pytest.raises(anyrig.FindingError, match="`clock` does nothing here"):
        request.getfixturevalue("clock")

@MARK
@pytest.mark.skip
async def test_skipped(clock): ...

@MARK
async def test_mocks(mocks):
    class Client:
        async def get(self): ...
    await mocks.create(Client).get()

@MARK
async def test_innocent():
    await {sleep}(0)
"""
ALL = ("clock", "clock", "fast_sleep", "task_group")


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_beside_pytest_asyncio(suite: Suite, mode: str) -> None:
    """What does nothing in a test of pytest-asyncio's is an error at setup that says who runs it.

    ``mocks`` works there; so does all of it in the tests of anyio's plugin.
    """
    suite.write(
        "test_anyios.py",
        """
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "trio"

        @pytest.mark.anyio
        async def test_anyios(clock, task_group):
            import anyio
            await anyio.sleep(100)
            assert clock.time() == 100
        """,
    )
    mark = "asyncio" if mode == "strict" else "usefixtures()"
    text = ASKING.format(mark=mark, sleep="asyncio.sleep")
    options = ("-o", "anyrig_backends=asyncio", "-o", "anyio_mode=strict")
    ran = beside(suite, text, *options, mode=mode)
    asked = [*ALL, 'clock="virtual"'] + ["clock"] * (mode == "auto")
    assert _refused(ran) == sorted(
        f"{name} does nothing here: pytest-asyncio runs this test"
        for name in (*(f"`{one}`" for one in asked), "the service `ticker`")
    ), ran.text
    # in auto mode it runs the test that is marked for anyio's plugin, too
    anyios = {"error": 7, "passed": 3} if mode == "auto" else {"error": 6, "passed": 4}
    assert ran.counts == {**anyios, "skipped": 1}, ran.text
    mend = "asyncio_mode = strict beside" if mode == "auto" else "@pytest.mark.anyio in the place"
    assert mend in ran.text


def test_beside_pytest_trio(suite: Suite) -> None:
    """So it is in a test that pytest-trio runs."""
    pytest.importorskip("pytest_trio", reason="it runs the tests")
    suite.write("pytest.ini", "[pytest]\nanyrig_backends = trio\n")
    suite.write("test_it.py", ASKING.format(mark="trio", sleep="anyio.sleep"))
    ran = suite.spawn(plugins=("anyio", "trio", "anyrig"))
    assert len(_refused(ran)) == 6, ran.text
    assert all("pytest-trio runs this test" in line for line in _refused(ran))
    assert ran.counts == {"error": 6, "passed": 3, "skipped": 1}, ran.text


def test_a_plugin_that_nobody_knows(suite: Suite) -> None:
    """A plugin of a suite's own that runs async tests is told where the body begins."""
    suite.write(
        "conftest.py",
        """
        import asyncio
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            if pyfuncitem.get_closest_marker("own") is not None:
                names = pyfuncitem._fixtureinfo.argnames
                asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
                return True

        def pytest_configure(config):
            config.addinivalue_line("markers", "own: a test of ours")
        """,
    )
    suite.ini("anyrig_backends = asyncio trio")
    suite.write("test_it.py", ASKING.format(mark="own", sleep="asyncio.sleep"))
    ran = suite.spawn("-k", "group or service or test_cl or innocent")
    assert len(_refused(ran)) == 4, ran.text
    assert all("another plugin (conftest.py) runs this" in line for line in _refused(ran))
    assert ran.counts["passed"] == 1
    # the others are told to be on asyncio, which is the case as well
    assert ran.text.count("names trio and runs on asyncio") >= 5


def test_wide_service_in_a_mixed_module(suite: Suite) -> None:
    """A service that a test of another plugin's may not have is made anew for the next of ours."""
    text = """
    import anyio
    import anyrig
    import pytest

    @anyrig.service(scope="module")
    async def ticker(*, task_status):
        ticks = []
        task_status.started(ticks)
        while True:
            ticks.append(1)
            await anyio.sleep(0.001)

    @pytest.mark.asyncio
    async def test_first(ticker): ...

    @pytest.mark.anyio
    async def test_ours(ticker):
        await anyrig.until(lambda: len(ticker) > 3)

    @pytest.mark.asyncio
    async def test_second(ticker): ...

    @pytest.mark.anyio
    async def test_ours_again(ticker):
        await anyrig.until(lambda: len(ticker) > 3)

    def test_sync(ticker): ...
    """
    options = ("-o", "anyrig_backends=asyncio", "-o", "anyio_mode=strict", "-v")
    ran = beside(suite, text, *options)
    if closes_loops():
        assert ran.counts == {"passed": 2, "failed": 1, "error": 3}, ran.text
        assert ran.text.count(CLOSED) == 1
    else:
        assert ran.counts == {"passed": 3, "error": 2}, ran.text
    assert (
        _refused(ran)
        == ["the service `ticker` does nothing here: pytest-asyncio runs this test"] * 2
    )


def test_mocks_beside_a_service_on_trio(suite: Suite) -> None:
    """Who runs is asked of what runs: not of the runner that anyio's plugin keeps meanwhile."""
    text = """
    import anyio
    import anyrig
    import pytest

    class Client:
        async def get(self): ...
        def name(self): ...

    @anyrig.service(scope="module", autouse=False)
    async def server(*, task_status):
        task_status.started()
        await anyio.sleep_forever()

    @pytest.mark.anyio
    async def test_ours(server): ...

    @pytest.mark.asyncio
    async def test_theirs(mocks):
        await mocks.create(Client).get()
        await anyrig.settled()
        await anyio.sleep(0)

    def test_sync(mocks):
        mocks.create(Client).name()

    @pytest.mark.anyio
    async def test_ours_again(server): ...
    """
    for backend in ("trio", "asyncio"):
        options = ("-o", f"anyrig_backends={backend}", "-o", "anyio_mode=strict")
        ran = beside(suite, text, *options)
        is_closed = backend == "asyncio" and closes_loops()
        assert ran.counts == ({"passed": 4, "error": 1} if is_closed else {"passed": 4}), ran.text
        assert ran.text.count(CLOSED) == is_closed


def test_wrong_backend_beside_pytest_asyncio(suite: Suite) -> None:
    """A test that names trio and is run by pytest-asyncio is told; one for asyncio is not."""
    text = """
    import pytest
    from hypothesis import given, settings, strategies

    @pytest.mark.asyncio
    async def test_it(anyio_backend): ...

    @pytest.mark.asyncio
    @settings(max_examples=2)
    @given(strategies.just(1))
    async def test_given(anyio_backend, one): ...

    class TestIt:
        @pytest.mark.asyncio
        async def test_method(self, anyio_backend): ...
    """
    ran = beside(suite, text, "-o", "anyio_mode=strict")
    assert ran.counts == {"passed": 3, "failed": 3}, ran.text
    assert {kind for kind, _, _ in suite.found} == {"wrong_backend"}
    assert all("[trio]" in str(test) for _, test, _ in suite.found)
    assert suite.findings[0].details == ("pytest-asyncio runs it, in an event loop of its own",)


SYNC = "`{}` does nothing in a test that is not async: make `{}` an `async def`"


def test_sync_tests(suite: Suite) -> None:
    """A sync test that asks for them by its arguments gets a warning; others may have need."""
    suite.ini("anyrig_backends = asyncio")
    suite.write(
        "test_it.py",
        """
        import anyrig
        import pytest

        @pytest.fixture
        async def worked(clock, task_group):
            return 1

        @pytest.fixture
        def task_list(): ...

        def test_clock(clock): ...
        def test_fast(fast_sleep): ...
        def test_group(task_group): ...
        def test_fixture(worked): ...
        async def test_async(clock, task_group): ...

        @pytest.mark.usefixtures("clock")
        class TestMixed:
            def test_sync(self): ...
            async def test_async(self): ...

        class TestOwn:
            @pytest.fixture
            def task_group(self): ...
            def test_own(self, task_group): ...
        """,
    )
    ran = suite.run()
    assert ran.counts == {"passed": 8}, ran.text
    asked = (("clock", "test_clock"), ("fast_sleep", "test_fast"), ("task_group", "test_group"))
    assert [SYNC.format(*one) in ran.text for one in asked] == [True] * 3
    assert ran.text.count("does nothing in a test") == 3
    # where a filter makes errors of warnings, these are the errors of those tests alone
    suite.ini("anyrig_backends = asyncio", "filterwarnings = error:.*does nothing in a test")
    strict = suite.spawn()
    assert strict.counts == {"passed": 5, "error": 3}, strict.text


def test_unittest(suite: Suite) -> None:
    """An async test of unittest's is run by unittest."""
    suite.write(
        "test_it.py",
        """
        import unittest
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        @pytest.mark.usefixtures("clock")
        class TestAsync(unittest.IsolatedAsyncioTestCase):
            async def test_it(self): ...
            def test_sync(self): ...

        class TestInnocent(unittest.IsolatedAsyncioTestCase):
            async def test_it(self): ...
        """,
    )
    ran = suite.run()
    assert ran.counts == {"passed": 2, "error": 1}, ran.text
    assert _refused(ran) == ["`clock` does nothing here: unittest runs this test"]


def test_trace_can_not_step_into_async_tests(suite: Suite) -> None:
    """pytest's debugger drops an async test: that is one finding, with what to type instead."""
    suite.ini("anyrig_backends = asyncio")
    suite.write(".pdbrc", "c\n")
    suite.write(
        "test_it.py",
        """
        import functools

        def logged(function):
            @functools.wraps(function)
            async def wrapper(*args, **kwargs):
                return await function(*args, **kwargs)
            return wrapper

        async def test_plain():
            pass

        @logged
        async def test_decorated():
            pass

        def test_sync():
            pass
        """,
    )
    ran = suite.spawn("--trace")
    assert ran.counts == {"failed": 2, "passed": 1}, ran.text
    assert [one.kind.value for one in suite.findings] == ["never_ran"] * 2
    for one, line in zip(suite.findings, ("test_plain", "test_decorated"), strict=True):
        assert one.origin is not None
        assert one.origin.source == f"async def {line}():"
        assert "--trace can't step into async tests" in one.details[0]
        assert "breakpoint()" in one.mend[0]
    assert "framed" not in ran.text
    assert "runcall(" not in ran.text
