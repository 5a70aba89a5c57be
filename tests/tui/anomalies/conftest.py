from __future__ import annotations

import pytest

from tests.tui.anomalies.scene import recorded
from tests.tui.fake_engine import FakeEngine


@pytest.fixture(autouse=True)
def read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator would not notice, a test would wait for again and again."""
    monkeypatch.setattr("opsconsole.tui.screens.anomalies.screen._REFRESH_S", 0.01)


@pytest.fixture
def watched(engine: FakeEngine) -> FakeEngine:
    return recorded(engine)
