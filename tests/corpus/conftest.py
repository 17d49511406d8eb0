"""Keeps the samples out of the ordinary test run: they are run by ``test_corpus.py``."""

collect_ignore = ["samples"]
