"""The review of what is to run, as submissions and claims ask for it: same bytes, same question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from opsconsole.models import ExecutionPolicy
from opsconsole.paths import config_file

if TYPE_CHECKING:
    from opsconsole.safety.review.model import Review

MAX_STORED = 200  # findings and effects kept with a task; a script has more only where a program wrote it


def judge(body: bytes, interpreter: str, policy: ExecutionPolicy, allow: Iterable[str], given: Iterable[str]) -> Review:
    """`interpreter` as it was chosen; `given`: names of variables that the task brings."""
    from opsconsole.safety.review import review

    allowed = tuple(allow)
    return review(body, interpreter, policy.value, allow=allowed, site=site_folder(), given=frozenset(given))


def site_folder() -> str:
    """Where a site declares commands of its own."""
    return str(config_file().parent / "commands.d")


def as_stored(review: Review) -> dict[str, Any]:
    """What the record keeps of it."""
    return {
        "findings": [finding.to_json() for finding in review.findings[:MAX_STORED]],
        "effects": [effect.to_json() for effect in review.effects[:MAX_STORED]],
        "summary": review.summary()[:MAX_STORED],
        "review_notes": list(review.notes),
    }
