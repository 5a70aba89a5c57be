from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from textual import _callback
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message_pump import MessagePump
from textual.screen import Screen

from opsconsole.tui import engine_link, in_turn, theming
from tests.tui.fake_engine import FakeEngine
from tests.tui.idle import draw_later, wait_for_idle
from tests.tui.once import (
    apply_known,
    handlers_of,
    parameters_of,
    replace_changed,
    rules_of,
    theme_in,
    update_known,
)
from tests.tui.waiting import Gate

_HERE = Path(__file__).parent
SAMPLES = {
    "disk_report.sh": "#!/bin/sh\n# Show the fullest file systems.\n# Usage: disk_report.sh [PERCENT]\n",
    "long_job.sh": "#!/bin/sh\n# Run a long job with a progress line for each step.\n# Usage: long_job.sh [STEPS]\n",
    "ports.py": "#!/usr/bin/env python3\n# List the ports this host listens on.\n",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The limit is for what hangs. On a busy machine a console takes its time, and a wait says best what never came."""
    for item in items:
        if _HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(180))


def pytest_collection_finish() -> None:
    """What is loaded now stays: the collector of garbage need not look through it for each of a thousand consoles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console that a test opens knows sheets and themes that the one before it has read."""
    monkeypatch.setattr(Stylesheet, "_parse_rules", rules_of)
    monkeypatch.setattr(Stylesheet, "apply", apply_known)
    monkeypatch.setattr(Stylesheet, "update_nodes", update_known)
    monkeypatch.setattr(Stylesheet, "replace_rules", classmethod(replace_changed))
    monkeypatch.setattr(MessagePump, "_get_dispatch_methods", handlers_of)
    monkeypatch.setattr(_callback, "_count_parameters", parameters_of)
    monkeypatch.setattr(RuleSet, "__hash__", object.__hash__)  # Textual's own says the same, in Python
    monkeypatch.setattr(theming, "read_theme", theme_in)


@pytest.fixture(autouse=True)
def drawn_at_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A console without a terminal is drawn when its pilot rests."""
    monkeypatch.setattr(Screen, "_compositor_refresh", draw_later)


@pytest.fixture(autouse=True)
def the_same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """One time zone, a terminal with colours, and nothing of the home and the settings of whoever runs the tests."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "SSH_CONNECTION", "SSH_TTY", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("LC_ALL", "C.UTF-8")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("OPSCONSOLE_CONFIG", os.devnull)
    for pilots in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{pilots}.wait_for_idle", wait_for_idle)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def notices_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine one looks for a notice, or takes a picture of it, long after it came."""
    notify = App.notify

    def for_long(self: App[Any], message: str, **known: Any) -> None:
        notify(self, message, **{**known, "timeout": 3600})

    monkeypatch.setattr(App, "notify", for_long)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For people a key goes on after some seconds, whatever became of the one before it, and a console leaves though
    its engine has not ended: on a busy machine the one goes elsewhere, and the other leaves threads behind."""
    monkeypatch.setattr(in_turn, "_PATIENCE_S", 20.0)
    monkeypatch.setattr(engine_link, "_CLOSE_S", 60.0)


@pytest.fixture
def engine(tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path / "state")


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sample scripts that no edit of the shipped ones changes, and an empty working directory."""
    folder = tmp_path / "samples"
    folder.mkdir()
    for name, text in SAMPLES.items():
        (folder / name).write_text(text)
    monkeypatch.setattr("opsconsole.tui.scripts.shipped", lambda _: folder)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return folder


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()
