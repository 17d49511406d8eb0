"""Findings that Hypothesis makes up."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from anyrig.findings import Edit, Finding, Frame, Kind, Origin, Phase, Place, Policy

# how quickly they are made up says how busy the machine is, and nothing of what is tested
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

texts = st.text(max_size=20)
frames = st.builds(Frame, texts, st.integers(0), texts)
origins = st.builds(
    Origin,
    path=texts,
    lineno=st.integers(0),
    function=texts,
    source=texts,
    chain=st.lists(frames, max_size=3).map(tuple),
    inside=st.none() | frames,
    exact=st.booleans(),
)
findings = st.builds(
    Finding,
    kind=st.sampled_from(Kind),
    place=st.builds(Place, st.none() | texts, st.sampled_from(Phase)),
    what=texts,
    summary=texts,
    origin=st.none() | origins,
    details=st.lists(texts, max_size=3).map(tuple),
    mend=st.lists(texts, max_size=3).map(tuple),
    count=st.integers(1),
    policy=st.sampled_from(Policy),
    permitted=st.none() | texts,
    edits=st.lists(
        st.builds(Edit, texts, st.integers(1), st.integers(0), texts, texts), max_size=2
    ).map(tuple),
    others=st.lists(texts, max_size=3, unique=True).map(tuple),
)
