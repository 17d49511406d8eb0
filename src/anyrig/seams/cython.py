"""The coroutines of compiled code.

Problem: Cython's coroutines are of a type of their own, and do not tell whether they have begun;
one that dies unawaited warns by an ordinary warning, and one in a cycle dies at some later time.
Approach: where there is one among the objects of a phase, the phase's garbage is collected at its
end, so that it dies in the phase that made it. The type lies in a module named after Cython's
version.
Limits: a compiled coroutine that something still holds at the end of its test is told when it
dies. Seen with Cython 3.0 to 3.3.
"""

from __future__ import annotations

from ..own import sys


def coroutine_types() -> frozenset[type]:
    """The coroutine types of the Cython runtimes that are imported by now."""
    runtimes = [module for name, module in sys.modules.items() if name.startswith("_cython_")]
    types = (getattr(module, "coroutine", None) for module in runtimes)
    return frozenset(kind for kind in types if isinstance(kind, type))
