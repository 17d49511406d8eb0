"""Permissions by mark: anyrig's own, and the ``filterwarnings`` mark that is its author's word."""

from __future__ import annotations

import pytest

from inner import SAMPLES, WRONG_BACKEND, Suite

HEAD = """
import pytest

async def save(): ...

"""
FILTER = "ignore:.*was never awaited"


def _suite(suite: Suite, text: str) -> Suite:
    suite.write("test_it.py", HEAD + text)
    return suite


# a deadlock that is permitted waits for ever
@pytest.mark.parametrize("kind", [kind for kind in SAMPLES if kind != "deadlock"])
def test_marker_permits_each_kind(suite: Suite, kind: str) -> None:
    """``allow=`` in the marker permits a finding of its kind, and the run is green."""
    mark = f"@__import__('pytest').mark.anyrig(allow=['{kind}'])\n"
    source = SAMPLES[kind]
    if kind == "wrong_backend":
        source = WRONG_BACKEND.replace("@pytest.mark.par", f"{mark}@pytest.mark.par")
    elif kind == "never_ran":
        source = source.replace("@swallows\n", f"{mark}@swallows\n")
    else:
        for name in ("test_drops", "test_loses", "test_tells"):
            source = source.replace(f"def {name}", f"{mark}def {name}")
        source = source.replace('backends=["asyncio"]', f'backends=["asyncio"], allow=["{kind}"]')
        source = source.replace("@pytest.mark.par", f"{mark}@pytest.mark.par")
        for head in ("def test_leaves():", "async def test_leaves(server"):
            source = source.replace(f"\n{head}", f"\n{mark}{head}")
    suite.write("test_it.py", source)
    ran = suite.run("--anyrig-unused-stubs=fail")  # which is off by default
    assert ran.status == 0, ran.text
    assert [(found[0], found[2]) for found in suite.found] == [(kind, "permitted")]


def test_marker_of_several_kinds(suite: Suite) -> None:
    """A marker of several kinds is needed where one of them was found; other kinds still fail."""
    _suite(
        suite,
        """
@pytest.mark.anyrig(allow=["missed_await", "never_ran"])
def test_one_of_them():
    save()

@pytest.mark.anyrig(allow=["never_ran"])
def test_of_another_kind():
    save()
""",
    )
    ran = suite.run("-v")
    assert "test_one_of_them PASSED" in ran.text
    assert "test_of_another_kind FAILED" in ran.text


def test_marker_that_nothing_needed(suite: Suite) -> None:
    """A test's own ``allow=`` that permitted nothing fails; its class's and module's need not."""
    _suite(
        suite,
        """
pytestmark = pytest.mark.anyrig(allow=["missed_await"])

@pytest.mark.anyrig(allow=["missed_await"])
class TestClass:
    def test_of_a_class(self):
        pass

@pytest.mark.anyrig(allow=["missed_await"])
def test_own():
    pass

def test_uses_the_modules():
    save()
""",
    )
    ran = suite.run("-v")
    assert ran.counts == {"passed": 3, "error": 1}, ran.text
    assert "ERROR at teardown of test_own" in ran.text
    assert "take it away" in ran.text


@pytest.mark.parametrize("ends", ["assert False", "pytest.skip('x')", "pytest.xfail('x')"])
def test_marker_is_not_asked_of_a_test_that_did_not_pass(suite: Suite, ends: str) -> None:
    """A marker that nothing needed is no news where the test itself did not get to its end."""
    _suite(
        suite,
        f"""
@pytest.mark.anyrig(allow=["missed_await"])
def test_it():
    {ends}
""",
    )
    ran = suite.run()
    assert "error" not in ran.counts, ran.text
    assert "UnusedAllowanceError" not in ran.text


@pytest.mark.parametrize("place", ["function", "method", "class", "module", "ini", "block"])
def test_filter_is_a_permission_on_the_test_itself_alone(suite: Suite, place: str) -> None:
    """A ``filterwarnings`` mark on the test permits; the same filter elsewhere hides nothing."""
    mark = f"@pytest.mark.filterwarnings('{FILTER}')\n"
    text = {
        "function": f"{mark}def test_it():\n    save()\n",
        "method": f"class TestIt:\n    {mark}    def test_it(self):\n        save()\n",
        "class": f"{mark}class TestIt:\n    def test_it(self):\n        save()\n",
        "module": f"pytestmark = {mark[1:]}def test_it():\n    save()\n",
        "ini": "def test_it():\n    save()\n",
        "block": "import warnings\ndef test_it():\n    with warnings.catch_warnings():\n"
        "        warnings.simplefilter('ignore')\n        save()\n",
    }
    if place == "ini":
        suite.ini(f"filterwarnings = {FILTER}")
    _suite(suite, text[place])
    ran = suite.spawn() if place == "ini" else suite.run()
    (finding,) = suite.findings
    if place in ("function", "method"):
        assert ran.status == 0, ran.text
        assert finding.permitted == "the filterwarnings mark on the test"
    else:
        assert ran.status == 1, ran.text
        assert finding.permitted is None
        assert any("filter" in detail for detail in finding.details)


@pytest.mark.parametrize("text", ["ignore::RuntimeWarning", "ignore", "error:.*never awaited"])
def test_filter_mark_that_does_not_name_it(suite: Suite, text: str) -> None:
    """A broad filter mark, or one that does not ignore, is no permission."""
    _suite(suite, f"@pytest.mark.filterwarnings('{text}')\ndef test_it():\n    save()\n")
    ran = suite.run()
    assert ran.status == 1, ran.text
    assert suite.found == [("missed_await", "test_it", "fail")]


def test_filter_mark_need_not_be_used(suite: Suite) -> None:
    """A filter mark that hides nothing is nobody's business: it is not ours."""
    _suite(suite, f"@pytest.mark.filterwarnings('{FILTER}')\ndef test_it():\n    pass\n")
    assert suite.run().status == 0
