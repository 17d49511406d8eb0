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
    """The objects that refer to a thing, by an attribute or otherwise; a walk over the heap."""
    for referrer in gc.get_referrers(thing):
        yield from gc.get_referrers(referrer) if isinstance(referrer, dict) else [referrer]
