"""Rules are judged by tables of examples and by properties, in one process and without servers."""

from __future__ import annotations

from hypothesis import settings

# A deadline would assert how fast this machine is.
settings.register_profile("rules", deadline=None, max_examples=30)
settings.load_profile("rules")
