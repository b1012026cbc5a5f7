"""`[live]` of a configuration: what must be so before real money moves. Means nothing in paper mode."""

from typing import Annotated

from pydantic import Field

from bulkhead.app.execution_settings import Section


class LiveSettings(Section):
    min_paper_hours: Annotated[float, Field(ge=0)] = 24.0
    """Each strategy must have run so long on paper in the same logs_dir, with the same code, symbols and parameters,
    in sessions that ended in order; replayed tapes do not count. 0: one such session of any length."""
    kill_switch_days: Annotated[int, Field(ge=1)] = 30
    """`bulkhead doctor --deploy` wants to see that the kill switch was exercised within so many days."""
