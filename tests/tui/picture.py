"""The README's picture: `python -m tests.tui.picture OUT.svg [WIDTHxHEIGHT] [THEME]`, from believable rows."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.tui.scenes import console, mixed

_FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}\s*")


async def picture(size: tuple[int, int], theme: str | None = None, keys: tuple[str, ...] = ()) -> str:
    """The console as SVG, without addresses of fonts."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(HOME=folder, TZ="UTC", OPSCONSOLE_CONFIG=os.devnull)
        os.environ.pop("NO_COLOR", None)
        time.tzset()
        app = console(mixed(Path(folder, ".local/state/opsconsole")), theme=theme)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.5)
            await pilot.press("j", *keys)
            await pilot.pause(0.5)
            return without_addresses(app.export_screenshot(title="opsconsole"))


def without_addresses(svg: str) -> str:
    """Nothing in the picture is fetched from elsewhere: a viewer's own monospace font draws it."""
    return _FONT_FACE.sub("", svg).replace(
        "font-family: Fira Code", "font-family: Fira Code, DejaVu Sans Mono, Menlo, Consolas"
    )


def main() -> None:
    target, size, theme, *keys = [*sys.argv[1:], *("", "", "")[len(sys.argv) - 1 :]]
    width, _, height = (size or "132x36").partition("x")
    Path(target).write_text(asyncio.run(picture((int(width), int(height)), theme or None, tuple(keys))))


if __name__ == "__main__":
    main()
