"""The bench of the runtime, small: each figure is there, and nothing waits in vain."""

import pytest

from bulkhead.app.bench import runtime


def test_each_figure_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"ROUNDS": 1, "MESSAGES": 1_000, "CHAINS": 20, "CRASHES": 5, "BACKLOG": 1_000, "OVERTAKERS": 5}
    for name, count in {**small, "CHILDREN": (10, 20)}.items():
        monkeypatch.setattr(runtime, name, count)

    figures = runtime.measure()

    assert figures.mailbox_per_s > 0
    assert figures.mailbox_ratio == pytest.approx(figures.mailbox_per_s / figures.mailbox_peer_per_s, rel=0.05)
    assert figures.restart.count == figures.stop.count == 5
    assert figures.hops.p50_ms > 0
    assert figures.overtake.count == 5
    assert set(figures.child_us) == {10, 20}
