"""``IsolatedAsyncioTestCase``: what is lost is told, and all else is as ever; also by the shim."""

from __future__ import annotations

import sys

import pytest

from inner import Suite
from support import run_pytest

SHIM = ("-p", "anyrig_compat", "--anyrig-compat-deprecations=off")

BEGIN = """
import asyncio
import contextvars
import unittest

async def save():
    pass

async def crash():
    raise ValueError("boom")

async def forever():
    await asyncio.sleep(3600)

"""

BAD = """
class TestBad(unittest.IsolatedAsyncioTestCase):
    async def test_awaited_not(self):
        save()  # missed_await

    async def test_dropped(self):
        asyncio.create_task(crash())  # lost_exception
        await asyncio.sleep(0.01)

    async def test_local(self):
        task = asyncio.create_task(crash())  # lost_exception
        await asyncio.sleep(0.01)

    async def test_kept(self):
        self.task = asyncio.create_task(crash())  # lost_exception
        await asyncio.sleep(0.01)

    async def test_at_the_end(self):
        asyncio.create_task(crash())  # lost_exception

    async def test_callback(self):
        def called():
            raise KeyError("called")  # lost_exception

        asyncio.get_running_loop().call_soon(called)
        await asyncio.sleep(0)

    async def test_cancelled_by_the_end(self):
        async def fails_at_end():
            try:
                await forever()
            finally:
                raise KeyError("late")

        asyncio.create_task(fails_at_end())  # leaked_task, lost_exception
        await asyncio.sleep(0)

    async def test_leaves(self):
        asyncio.create_task(forever())  # leaked_task

class TestBadMethods(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        asyncio.create_task(crash())  # lost_exception of test_first
        await asyncio.sleep(0)

    async def test_first(self):
        pass

class TestBadTearDown(unittest.IsolatedAsyncioTestCase):
    async def asyncTearDown(self):
        asyncio.create_task(crash())  # lost_exception of test_second
        await asyncio.sleep(0)

    async def test_second(self):
        pass

class TestBadCleanup(unittest.IsolatedAsyncioTestCase):
    async def test_third(self):
        self.addAsyncCleanup(self.clean)

    async def clean(self):
        asyncio.create_task(crash())  # lost_exception of test_third
        await asyncio.sleep(0)
"""

INNOCENT = """
class TestInnocent(unittest.IsolatedAsyncioTestCase):
    async def test_awaited(self):
        await save()

    async def test_asked(self):
        task = asyncio.create_task(crash())
        with self.assertRaises(ValueError):
            await task

    async def test_gathered(self):
        await asyncio.gather(crash(), crash(), return_exceptions=True)

    async def test_log_is_asserted(self):
        with self.assertLogs("asyncio", "ERROR") as logs:
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.01)
        self.assertIn("ZeroDivisionError", logs.output[0])

    async def test_each_log_is_asserted(self):
        with self.assertLogs() as logs:
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.01)
        self.assertEqual(len(logs.output), 1)

    async def test_handler_of_its_own(self):
        heard = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, facts: heard.append(facts))
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)
        self.assertEqual(len(heard), 1)

    async def test_cancelled(self):
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        task.cancel()

class TestOwnHandler(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.heard = []
        loop = asyncio.get_event_loop_policy().get_event_loop()
        loop.set_exception_handler(lambda loop, facts: self.heard.append(facts))

    async def test_handler_of_set_up(self):
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.01)
        self.assertEqual(len(self.heard), 1)
"""

AS_EVER = """
user = contextvars.ContextVar("user", default="nobody")
steps = []

class TestAsEver(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        steps.append("setUp")
        user.set("setUp")

    async def asyncSetUp(self):
        steps.append("asyncSetUp")
        self.assertEqual(user.get(), "setUp")
        user.set("asyncSetUp")
        self.loop = asyncio.get_running_loop()

    async def asyncTearDown(self):
        steps.append("asyncTearDown")
        self.assertIs(asyncio.get_running_loop(), self.loop)

    def tearDown(self):
        steps.append("tearDown")
        self.assertEqual(user.get(), "test")

    async def clean(self, *words):
        steps.extend(words)

    async def test_order(self):
        self.assertEqual(user.get(), "asyncSetUp")
        user.set("test")
        self.assertTrue(self.loop.get_debug())
        self.addAsyncCleanup(self.clean, "cleanup")
        steps.append("test")

    async def test_sub_tests(self):
        user.set("test")
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    async def test_skipped(self):
        user.set("test")
        self.skipTest("not now")

    @unittest.expectedFailure
    async def test_expected(self):
        user.set("test")
        self.fail("as expected")

    async def test_fails(self):
        user.set("test")
        self.assertEqual(1, 2)

class TestOrder(unittest.TestCase):
    def test_order(self):
        expected = ["setUp", "asyncSetUp", "test", "asyncTearDown", "tearDown", "cleanup"]
        place = steps.index("test") - 2
        self.assertEqual(steps[place : place + 6], expected)

class TestFailingSetUp(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        raise RuntimeError("no set up")

    async def test_never(self):
        pass

class TestSkippingSetUp(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        raise unittest.SkipTest("not here")

    async def test_never(self):
        pass

class TestMixed(unittest.IsolatedAsyncioTestCase):
    def test_sync(self):
        pass

    async def test_returns(self):
        await self.enterAsyncContext(asyncio.timeout(10))
"""

LOOP_FACTORY = """
class Own(asyncio.SelectorEventLoop):
    pass

class TestFactory(unittest.IsolatedAsyncioTestCase):
    loop_factory = Own

    async def test_loop(self):
        self.assertIs(type(asyncio.get_running_loop()), Own)

    async def test_loses(self):
        asyncio.create_task(crash())  # lost_exception
        await asyncio.sleep(0.01)
"""


def _write(suite: Suite, text: str) -> None:
    (suite.path / "pytest.ini").write_text("[pytest]\n")
    suite.write("test_it.py", BEGIN + text)


def _expected(text: str) -> list[tuple[str, str | None, str]]:
    """The findings that the comments name: the kind, the test, and the source of the line."""
    found, test, case = [], "", ""
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("class "):
            case = words.removeprefix("class ").partition("(")[0]
        elif words.startswith("async def test_"):
            test = words.removeprefix("async def ").partition("(")[0]
        source, _, said = words.partition("  # ")
        kinds, _, of = said.partition(" of ")
        found += [(kind, f"{case}::{of or test}", source) for kind in kinds.split(", ") if kind]
    return sorted(found)


def _found(suite: Suite) -> list[tuple[str, str | None, str]]:
    return sorted(
        (
            finding.kind.value,
            (finding.place.test or "").partition("::")[2],
            "" if finding.origin is None else finding.origin.source,
        )
        for finding in suite.findings
    )


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
@pytest.mark.parametrize("shim", [(), SHIM], ids=["", "shim"])
def test_lost_and_missed_and_left_are_told(
    suite: Suite, shim: tuple[str, ...], workers: bool
) -> None:
    """Each mistake is told with its test and its line; leaked tasks are but a warning."""
    _write(suite, BAD)
    ran = (suite.workers if workers else suite.spawn)(*shim)
    found = [(kind, test, source.partition("  # ")[0]) for kind, test, source in _found(suite)]
    assert found == _expected(BAD), ran.text
    policies = {(finding.kind.value, finding.policy.value) for finding in suite.findings}
    assert policies == {
        ("missed_await", "fail"),
        ("lost_exception", "fail"),
        ("leaked_task", "warn"),
    }
    assert "Captured log" not in ran.text


def test_innocent_ones_are_left_alone(suite: Suite) -> None:
    """What somebody asked for, or hears in a handler or in the log, is no finding."""
    _write(suite, INNOCENT)
    ran = suite.spawn()
    assert ran.counts == {"passed": 8}, ran.text
    assert suite.found == []


def test_all_else_is_as_ever(suite: Suite) -> None:
    """Results, the order of the methods and what fails in them are the same without anyrig."""
    _write(suite, AS_EVER)
    with_it = suite.spawn("-rA")
    without = run_pytest(suite.path, "-rA", plugins=("anyio",))

    def outcomes(text: str) -> list[str]:
        words = ("PASSED", "FAILED", "SKIPPED", "XFAIL", "ERROR", "SUBFAIL")
        return sorted(line for line in text.splitlines() if line.startswith(words))

    assert outcomes(with_it.text) == outcomes(without.text)
    assert with_it.counts == without.counts
    assert with_it.counts["passed"] >= 4, with_it.text
    assert suite.found == []


@pytest.mark.skipif(sys.version_info < (3, 13), reason="unittest has loop_factory from 3.13 on")
def test_loop_of_a_factory_is_watched(suite: Suite) -> None:
    """A loop that ``loop_factory`` makes is watched as well, and is what it was."""
    _write(suite, LOOP_FACTORY)
    ran = suite.spawn()
    assert ran.counts == {"passed": 1, "failed": 1}, ran.text
    assert [(kind, test) for kind, test, _ in _found(suite)] == [
        ("lost_exception", "TestFactory::test_loses")
    ]


def test_policies_and_marks_hold_for_it(suite: Suite) -> None:
    """A setting and a mark say what becomes of a loss here, too; off leaves it to asyncio's log."""
    _write(
        suite,
        """
import pytest

@pytest.mark.anyrig(lost_exceptions="off")
class TestOff(unittest.IsolatedAsyncioTestCase):
    async def test_off(self):
        asyncio.create_task(crash())
        await asyncio.sleep(0.01)
        self.fail("to see the log")

class TestAllowed(unittest.IsolatedAsyncioTestCase):
    @pytest.mark.anyrig(allow=["lost_exception"])
    async def test_allowed(self):
        asyncio.create_task(crash())
        await asyncio.sleep(0.01)
""",
    )
    ran = suite.spawn()
    assert ran.counts == {"passed": 1, "failed": 1}, ran.text
    assert suite.found == [("lost_exception", "TestAllowed::test_allowed", "permitted")]
    assert "Task exception was never retrieved" in ran.text
