"""What all samples share: Hypothesis without a clock and without a database."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("corpus", max_examples=3, deadline=None, database=None)
settings.load_profile("corpus")
