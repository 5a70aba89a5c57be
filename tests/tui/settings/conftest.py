from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.settings.scene import same_everywhere


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of config.toml and keymap.toml."""
    return same_everywhere(monkeypatch, tmp_path)
