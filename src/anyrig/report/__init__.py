"""Findings to words, to the terminal, to JSON, and from xdist's workers.

words      one finding as text
terminal   the section at the end of the run
jsonl      ``--anyrig-report``
"""
