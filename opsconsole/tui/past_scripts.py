"""A past run's script as it may be shown, copied and run again: for the editor, from wherever it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsconsole.engine import Engine

LEFT_OUT = "Secrets in the script are left out of it: [redacted:…] stands in their place."


def past_script(engine: Engine, task_id: int) -> tuple[bytes, bool]:
    """Without what is hidden in that run, and whether nothing was. Raises OpsErrors."""
    shown = engine.redaction_of(task_id).data(engine.shown_script(task_id))
    return shown, shown == engine.script(task_id)
