"""What gets into the database and out of the host: no secret, no control sequence, whatever a name is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.alert_settings import AlertRule
from opsconsole.safety.redact import Redaction
from opsconsole.settings import RedactionSettings
from tests.monitoring.alert_support import anomaly, desk, process, result
from tests.monitoring.receivers import HttpReceiver
from tests.monitoring.test_outbox import to


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "opsconsole.db"


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as found:
        yield found


def test_no_secret_and_no_control_sequence_gets_into_the_outbox(
    database: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    redaction = Redaction.of({"DB_PASSWORD": "hunter2hunter2"}, RedactionSettings())
    rules = {"all": AlertRule(notify=("webhook", "bell"))}
    with desk(database, to(receiver.url, rules=rules), redaction=redaction) as here:
        evil = "evil\x1b]0;owned\x07\r\nBcc: x hunter2hunter2\u202e"
        here.opens(anomaly(1, "disk_full", evil, message=f"{evil} is full", processes=(process(evil),)))
        here.alerts.on_execution(result(5, name=evil))
        here.settle()
        here.alerts.send_due()
        stored = here.do(
            lambda c: [row[0] for row in c.execute("SELECT facts FROM alert UNION ALL SELECT facts FROM outbox")]
        )
        for text in [*stored, receiver.got().body.decode(), *here.said]:
            assert "hunter2hunter2" not in text
            flat = json.dumps(json.loads(text)) if text.startswith("{") else text
            assert not any(mark in flat for mark in ("\x1b", "\\u001b", "\x07", "\\r", "\\n", "\u202e", "\\u202e"))
        keys = here.do(lambda c: [row[0] for row in c.execute("SELECT key FROM outbox")])
        assert len(set(keys)) == len(keys) == 2
        assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys), "a name is in no key"


def test_a_subject_that_is_no_text_does_not_break_the_record(database: Path) -> None:
    with desk(database) as here:
        here.opens(anomaly(1, "disk_full", "/mnt/\udcff"))
        here.goes_out()
        here.closes(anomaly(1, "disk_full", "/mnt/\udcff"))
        here.goes_out()
        assert [line.split("]")[0] for line in here.said] == ["[HIGH", "[RESOLVED"]
