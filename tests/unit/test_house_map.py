"""The map of the house (opsconsole/README.md) is true: every room is on it, and what is on it exists."""

from __future__ import annotations

import re
from pathlib import Path

HOUSE = Path(__file__).parents[2] / "opsconsole"
MAP = (HOUSE / "README.md").read_text(encoding="utf-8")


def test_every_folder_that_holds_python_is_on_the_map() -> None:
    rooms = {f"{file.parent.relative_to(HOUSE)}/" for file in HOUSE.rglob("*.py")} - {"./"}
    assert sorted(room for room in rooms if f"`{room}`" not in MAP) == []


def test_every_module_at_the_top_of_the_house_is_on_the_map() -> None:
    modules = {file.name for file in HOUSE.glob("*.py")} - {"__init__.py", "__main__.py"}
    assert sorted(module for module in modules if f"`{module}`" not in MAP) == []


def test_every_room_and_file_the_map_names_exists_but_those_of_later() -> None:
    today = MAP.partition("Later rooms")[0] + MAP.partition("Later rooms")[2].partition("\n\n")[2]
    named = set(re.findall(r"`([\w/]+/|[\w/]+\.py)`", today)) | set(re.findall(r"\b(?:[a-z_]+/)+[a-z_]+\.py", today))
    assert named, "the map names nothing"
    assert sorted(name for name in named if not (HOUSE / name).exists()) == []


def test_the_map_fits_on_two_screens() -> None:
    assert len(MAP.splitlines()) <= 80
