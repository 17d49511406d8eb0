"""The corpus: bad samples that anyrig must fail, and innocent twins that it must leave alone.

samples/     ordinary test modules, `bad_*` and `innocent_*`, with their own pytest.ini
notation.py  what the comments in the samples say is to be found
running.py   one pytest run over the samples, on one backend, under one kind of hostility
recorder.py  the plugin that writes down each report of such a run

To look at the samples as a user would: ``cd samples && python -m pytest bad_dropped.py``.
"""
