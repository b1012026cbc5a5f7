"""`[alerts]` of a configuration: who is told, how often, and the heartbeat. See docs/ALERTS.md."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from bulkhead.app.execution_settings import PositiveSeconds, Section
from bulkhead.app.venue_settings import EnvName
from bulkhead.monitor.alerting.heartbeat import HeartbeatSettings
from bulkhead.monitor.alerting.outbox import OutboxSettings
from bulkhead.monitor.alerting.policy import PolicySettings


class AlertSettings(Section):
    """Who is told when nobody is looking. With nothing set, alerts are lines of `alerts.jsonl` and app.log only."""

    urls_env: EnvName | None = None
    """Names the variable (or, with `_FILE`, the file) that holds apprise URLs, parted by white space."""
    required: bool = True
    """Live refuses to start unless each URL took the message of the start. Paper says so and starts; so does a run
    that its guard starts again."""
    self_test_timeout_s: PositiveSeconds = 20.0
    """How long live waits for the URLs to take the message of the start."""
    group_s: PositiveSeconds = 5.0
    """What is not urgent waits this long for its like, and goes out in one message."""
    dedup_window_s: PositiveSeconds = 900.0
    """The same thing is told once in this time; what came of it meanwhile is counted."""
    max_messages: Annotated[int, Field(ge=2, le=1_000)] = 20
    """Messages to each target in `rate_window_s`, half of them for P0 alone; what does not fit is told together."""
    rate_window_s: PositiveSeconds = 600.0
    """The time over which messages are counted."""
    digest_interval_s: PositiveSeconds = 86_400.0
    """A message with what was not worth one of its own; it comes also when there is nothing in it."""
    queue_size: Annotated[int, Field(ge=10, le=10_000)] = 200
    """Messages that may wait for a target; beyond that the oldest of the least urgent is lost, and logged."""
    hangs_after_s: PositiveSeconds = 30.0
    """A target that has not answered for so long counts as failing."""
    backoff_max_s: PositiveSeconds = 300.0
    """The longest pause between two attempts at a target."""
    give_up_after_s: PositiveSeconds = 3_600.0
    """What a target has not taken by then is given up, and logged."""
    heartbeat_url_env: EnvName | None = None
    """Names the variable (or, with `_FILE`, the file) that holds the URL of a dead-man switch, http or https."""
    heartbeat_interval_s: Annotated[float, Field(ge=1)] = 60.0
    """The URL is asked for this often, while the house trades and every critical actor answers."""
    heartbeat_timeout_s: PositiveSeconds = 10.0
    """For the URL to answer; after that the beat has failed."""
    heartbeat_fail_suffix: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9/_-]+)?$")] = ""
    """Put behind the URL's path to tell of a P0 at once: `/fail` at healthchecks.io; empty: it is not told."""

    @model_validator(mode="after")
    def _heartbeat_belongs_together(self) -> Self:
        if self.heartbeat_fail_suffix and self.heartbeat_url_env is None:
            raise ValueError("heartbeat_fail_suffix needs heartbeat_url_env")
        return self

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Environment variables that hold a secret, or name a file that does: no strategy's business."""
        named = (self.urls_env, self.heartbeat_url_env)
        return tuple(f"{name}{suffix}" for name in named if name is not None for suffix in ("", "_FILE"))

    def policy(self) -> PolicySettings:
        return PolicySettings(
            dedup_window_s=self.dedup_window_s,
            group_s=self.group_s,
            max_messages=self.max_messages,
            rate_window_s=self.rate_window_s,
            digest_interval_s=self.digest_interval_s,
        )

    def outbox(self) -> OutboxSettings:
        return OutboxSettings(self.queue_size, self.hangs_after_s, self.backoff_max_s, self.give_up_after_s)

    def heartbeat(self) -> HeartbeatSettings:
        return HeartbeatSettings(self.heartbeat_interval_s, self.heartbeat_timeout_s, self.heartbeat_fail_suffix)
