"""Shared by all tests: freezegun leaves pykka's clocks alone; hypothesis is bounded and repeatable; a test that names
a failure mode reports that one and no other (failure_modes.py)."""

import freezegun
from hypothesis import HealthCheck, settings

from tests.failure_modes import _only_what_it_names, reported
from tests.long_first import pytest_collection_modifyitems

__all__ = ["_only_what_it_names", "pytest_collection_modifyitems", "reported"]
freezegun.configure(extend_ignore_list=["pykka"])
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
