"""Our own modules are imported as Python does it; the user's are rewritten by pytest as ever."""

from __future__ import annotations

from inner import Suite


def test_pytest_rewrites_none_of_our_modules(suite: Suite) -> None:
    """Of anyrig's modules pytest's rewriting has loaded the two that are there before the rest."""
    suite.write(
        "test_it.py",
        """
        import sys

        def test_loaders():
            names = [name for name in sys.modules if name.partition(".")[0] == "anyrig"]
            loaders = {name: type(sys.modules[name].__spec__.loader).__name__ for name in names}
            rewritten = {name for name, loader in loaders.items() if "Rewriting" in loader}
            assert rewritten <= {"anyrig", "anyrig.plain_imports"}
            assert "anyrig.rig" in names
        """,
    )
    assert suite.spawn().counts == {"passed": 1}


def test_asserts_of_the_user_are_explained(suite: Suite) -> None:
    """A failing assert of the user's shows its values."""
    suite.write(
        "test_it.py",
        """
        def test_sum():
            one, two = 1, 2
            assert one + one == two + two
        """,
    )
    result = suite.spawn()
    assert result.counts == {"failed": 1}
    assert "assert (1 + 1) == (2 + 2)" in result.text
