"""Alerts of a real run: sent to a real receiver beside one that hangs, and no secret of theirs in anything it wrote."""

import json
from pathlib import Path

import pytest

from tests.monitor.alerting.receiver import receiver
from tests.process.kit import running, simulator, until, write_config

CANARY = "c4n4ryS3cret"


@pytest.mark.process
@pytest.mark.req("S-19")
@pytest.mark.lesson("L29")
def test_a_run_tells_its_start_its_life_and_its_end_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with simulator(tmp_path) as venue, receiver() as good, receiver() as deaf:
        deaf.how = "hang"
        urls = [f"json://{CANARY}:{CANARY}@127.0.0.1:{each.port}/{CANARY}?rto=1" for each in (good, deaf)]
        monkeypatch.setenv("ALERT_URLS", " ".join(urls))
        monkeypatch.setenv("BEAT_URL", f"http://127.0.0.1:{good.port}/beat/{CANARY}")
        alerts = {
            "urls_env": "ALERT_URLS",
            "heartbeat_url_env": "BEAT_URL",
            "heartbeat_interval_s": 1.0,
            "group_s": 0.5,
        }
        with running(write_config(tmp_path, venue.port, alerts=alerts)) as run:
            run.until_trading()
            until(lambda: any(path.startswith("/beat/") for _, path, _ in good.heard), "a heartbeat")
            until(lambda: any("takes nothing" in text for text in good.texts), "the good one is told of the deaf one")
            output = run.end()
    assert "starts (paper)" in good.texts[0]
    assert "has ended: SIGTERM" in good.texts[-1]
    status = run.status() or {}
    took, hung = status["alerts"]["targets"]
    assert took["failing_since_ns"] is None
    assert hung["failing_since_ns"] is not None
    assert "json://127.0.0.1 (2) DID NOT TAKE the message of the start" in output
    lines = [json.loads(line) for line in (tmp_path / "logs" / "alerts.jsonl").read_text().splitlines()]
    assert any("takes nothing" in line["text"] for line in lines)
    assert CANARY not in output
    written = [path for path in (tmp_path / "logs").rglob("*") if path.is_file()]
    assert len(written) > 10
    assert not [path for path in written if CANARY.encode() in path.read_bytes()]
