"""Doubles: mocks that are made from the real thing, live on the loop, and say what was not awaited.

create, stub    a double of a class's object, a function or an object; one of nothing at all
patch           a double in the place of the real thing, for a ``with`` or as a decorator
adapt           a mock of ``unittest.mock``'s own, with the promises of a double
of, calls       the mock behind a double, typed; the records of its calls
ANY, call       as in ``unittest.mock``

nature          what a real thing is         ledger      one record a call
readings        what a call of it gives      bodies      what stands in a function
generics        type arguments put in
doubles         `create`, `stub`, `adapt`    patching    `patch`, and the fixture's object
"""

from __future__ import annotations

from unittest.mock import ANY, call

from .doubles import adapt, calls, create, of, stub
from .ledger import Call
from .patching import Mocks, patch

__all__ = ["ANY", "Call", "Mocks", "adapt", "call", "calls", "create", "of", "patch", "stub"]
