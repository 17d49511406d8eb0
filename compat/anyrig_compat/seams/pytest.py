"""Which definition of a fixture a test sees.

Problem: a project's own ``event_loop`` says which loop its tests run on, and pytest has no public
way to ask for the definition of a fixture without setting it up.
Approach: ``Session._fixturemanager.getfixturedefs(name, node)``, the last of which is the one that
is used. Seen on pytest 8.0 to 9.2.
"""

from __future__ import annotations

from typing import Any

import pytest


def definition_of(name: str, node: Any) -> pytest.FixtureDef[Any] | None:
    """The definition of a fixture that a node sees; None where it sees none."""
    session: Any = node.session
    found = session._fixturemanager.getfixturedefs(name, node)
    return found[-1] if found else None
