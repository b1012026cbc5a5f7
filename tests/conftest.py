"""Shared by all tests: freezegun leaves pykka's clocks alone; hypothesis is bounded and repeatable."""

import freezegun
from hypothesis import HealthCheck, settings

freezegun.configure(extend_ignore_list=["pykka"])
settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
