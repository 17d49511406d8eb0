"""What is imported while a patch stands does not keep the double when it is undone."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anyrig import mocks

CLIENT = "def fetch(): return 'real'\ndef other(): return 'other'\nRETRIES = 3\n"
# what the code under test is, and whether it is imported before the patch
CODE = {
    "eager": ("from bound_client import fetch\n", False),
    "by_another_name": ("from bound_client import fetch as get\nfetch = get\n", False),
    "by_module": ("import bound_client\ndef fetch(): return bound_client.fetch()\n", True),
}
if sys.version_info >= (3, 15):
    CODE |= {
        "lazy": ("lazy from bound_client import fetch\n", True),
        "lazy_by_another_name": (
            "lazy from bound_client import fetch as get\ndef fetch(): return get()\n",
            True,
        ),
        "lazy_module": ("lazy import bound_client as it\ndef fetch(): return it.fetch()\n", True),
    }


@pytest.fixture(autouse=True)
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two modules that can be imported, and are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "bound_client.py").write_text(CLIENT, encoding="utf-8")
    yield
    for name in ("bound_client", "bound_code"):
        sys.modules.pop(name, None)


def _code(tmp_path: Path, text: str) -> None:
    text += "def call(): return fetch()\n"
    (tmp_path / "bound_code.py").write_text(text, encoding="utf-8")


def _call() -> Any:
    return importlib.import_module("bound_code").call()


@pytest.mark.parametrize("sort", list(CODE))
def test_double_is_left_nowhere(tmp_path: Path, sort: str) -> None:
    """The first use in a patch is one of the double, and later ones are of the real thing.

    A lazy name is used as for the first time in the next patch, too.
    """
    text, is_before = CODE[sort]
    _code(tmp_path, text)
    if is_before:
        importlib.import_module("bound_code")
    with mocks.patch("bound_client.fetch", return_value="double"):
        assert _call() == "double"
    if sort.startswith("lazy"):
        with mocks.patch("bound_client.fetch", return_value="another"):
            assert _call() == "another"
    assert _call() == "real"


@pytest.mark.parametrize("new", [lambda: "double", None, 3])
def test_value_that_anybody_may_have(tmp_path: Path, new: Any) -> None:
    """A value in place of a double is taken out under the patched name alone."""
    _code(
        tmp_path, "from bound_client import RETRIES, fetch\nFOUND = KEPT = fetch\nNOTHING = None\n"
    )
    with mocks.patch("bound_client.fetch", new):
        code: Any = importlib.import_module("bound_code")
    assert code.call() == "real"
    assert code.KEPT is new
    assert (code.NOTHING, code.RETRIES) == (None, 3)


def test_what_was_there_before_keeps_what_it_has(tmp_path: Path) -> None:
    """A module that a test has given the double itself is left alone."""
    _code(tmp_path, "from bound_client import fetch, other\n")
    code: Any = importlib.import_module("bound_code")
    with mocks.patch("bound_client.fetch", return_value="double") as double:
        code.other = double
        assert code.call() == "real"
    assert code.other is double
