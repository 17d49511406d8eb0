"""The instances that have a thing for an attribute.

Problem: a scope does not know its task group, nor a task the groups that it opened.
Approach: ``gc.get_referrers``, whose answer for an instance is the instance itself, or the dict of
its attributes where it has one of its own. Seen on CPython 3.11 to 3.13.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...own import gc


def owners_of(thing: Any) -> Iterator[Any]:
    """The objects that refer to a thing, by an attribute or otherwise; two walks over the heap."""
    referrers = gc.get_referrers(thing)
    yield from (one for one in referrers if type(one) is not dict)
    attributes = [one for one in referrers if type(one) is dict and _is_attribute(thing, one)]
    if attributes:  # one walk for all of them
        yield from gc.get_referrers(*attributes)


def _is_attribute(thing: Any, of: dict[Any, Any]) -> bool:
    """Whether a dict may be an instance's, and have the thing for an attribute."""
    return any(value is thing and type(name) is str for name, value in list(of.items()))
