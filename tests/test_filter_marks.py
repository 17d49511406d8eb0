"""A ``filterwarnings`` mark on the test itself is its author's permission; no other filter is."""

from __future__ import annotations

import pytest

from inner import Suite

HEAD = """
import pytest

async def save(): ...

"""
FILTER = "ignore:.*was never awaited"


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
    suite.write("test_it.py", HEAD + text[place])
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
    suite.write(
        "test_it.py", f"{HEAD}@pytest.mark.filterwarnings('{text}')\ndef test_it():\n    save()\n"
    )
    ran = suite.run()
    assert ran.status == 1, ran.text
    assert suite.found == [("missed_await", "test_it", "fail")]


def test_filter_mark_need_not_be_used(suite: Suite) -> None:
    """A filter mark that hides nothing is nobody's business: it is not ours."""
    suite.write(
        "test_it.py", f"{HEAD}@pytest.mark.filterwarnings('{FILTER}')\ndef test_it():\n    pass\n"
    )
    assert suite.run().status == 0
