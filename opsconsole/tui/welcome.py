"""What somebody has to know who sees the console for the first time: said once, and at the end of the help."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.tui.keys import keys_of
from opsconsole.tui.modes import MODES

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_WELCOMED = "welcomed"


def sentences(app: ConsoleApp) -> str:
    """Three lines, with the keys as they are now."""
    keys = {name: found[0] for name, found in keys_of(app).items()}
    runs = f"{keys['submit']} runs a script, " if "submit" in keys else ""
    goes_on = ": what runs goes on, and is here again." if runs else "."
    return (
        f"{keys[MODES[0].id]} to {keys[MODES[-1].id]} switch between modes, {keys['help']} shows all keys.\n"
        f"{runs}/ filters a list, {keys['command_palette']} finds a command.\n"
        f"{keys['quit']} leaves{goes_on}"
    )


def welcome(app: ConsoleApp) -> None:
    """Once for a state directory; it stays until somebody has done something."""
    if app.recorded is not None or (app.engine is not None and app.engine.unwritable is not None):
        return
    marker = app.state_folder / _WELCOMED
    if marker.exists():
        return
    try:
        marker.touch(mode=0o600)
    except OSError:
        return  # it is said again next time
    app.tell_until_acted(sentences(app))
