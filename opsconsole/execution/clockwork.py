"""When an engine looks around: five times a second, until it knows that it hears of what others commit; from then on
when somebody does, and as often as something else needs it. Each wake-up of an idle console is dear, whatever for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from time import monotonic

from opsconsole.storage.commits import Commits

TICK_S = 0.2
LIVENESS_S = 4 * TICK_S
"""How often it is looked who is still alive, and at what runs."""
_VISIBLE_S = 0.03
"""What is written in the log can be read once it is on the disk; for what takes longer it is looked a second time."""
_LISTENS_AFTER_S = 2.0
"""Before, everybody has something more urgent to load."""


class Clockwork:
    """For the loop that it is made in; `database` is what is listened to."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._begun = self._ticked = self._looked = monotonic()
        self._commits: Commits | None = None
        self._deaf = self._heard = False

    async def tick(self, rest_s: float) -> bool:
        """Return when it is time, with whether it is also time to look who is alive. `rest_s`: nothing is due for so
        long unless somebody commits."""
        if self._commits is None:
            await asyncio.sleep(TICK_S)
            self._listen()
        else:
            most = 0.0 if self._heard else min(rest_s, self._looked + LIVENESS_S - monotonic())
            self._heard = await self._commits.wait(max(TICK_S, most))
            if self._heard:  # of a burst of them the end is heard, too
                await asyncio.sleep(max(_VISIBLE_S, self._ticked + TICK_S - monotonic()))
        self._ticked = now = monotonic()
        if now - self._looked < LIVENESS_S - TICK_S / 2:
            return False
        self._looked = now
        return True

    def close(self) -> None:
        if self._commits is not None:
            self._commits.close()

    def _listen(self) -> None:
        if not self._deaf and monotonic() - self._begun > _LISTENS_AFTER_S:
            try:
                self._commits = Commits(self._database)
            except (OSError, ImportError):
                self._deaf = True
