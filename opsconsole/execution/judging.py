"""The review of what is to run, as submissions and claims ask for it: same bytes, same question."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opsconsole.models import ExecutionPolicy
from opsconsole.paths import CONFIG_VARIABLES, config_file

if TYPE_CHECKING:
    from opsconsole.safety.review.model import Review

MakesReview = Callable[[bytes, str, str, tuple[str, ...], str, frozenset[str]], "Review"]
"""Of body, interpreter, policy, allow, site, given."""

_known: dict[tuple[object, ...], Review] = {}
_large: dict[tuple[object, ...], Review] = {}
"""The last large one that was made elsewhere: it is asked for again when it is submitted."""
_remembering = threading.Lock()

MAX_STORED = 200  # findings and effects kept with a task; a script has more only where a program wrote it


REMEMBERED = 128
REMEMBERED_BYTES = 64 * 1024
"""Reviews of scripts up to this size are remembered: a queue often holds the same script many times."""


def judge(
    body: bytes,
    interpreter: str,
    policy: ExecutionPolicy,
    allow: Iterable[str],
    given: Iterable[str],
    *,
    made_by: MakesReview | None = None,
) -> Review:
    """`interpreter` as it was chosen; `given`: names of variables that the task brings. `made_by` makes the review
    where none is known, elsewhere and exactly as it would be made here: a console's loop holds still for the parser.

    A review depends on its arguments and on the site's catalogue alone, so one that was made is given again.
    """
    from opsconsole.safety.review.site import stamp  # brings the whole model, which few starts need

    site = site_folder()
    asked = (body, interpreter, policy.value, tuple(allow), site, frozenset(given))
    key = (stamp(site), *asked)
    found = _known.get(key) or _large.get(key)
    if found is None:
        found = (made_by or _review)(*asked)
        if found.parsed:  # a parser that was killed, say, may do better the next time
            with _remembering:
                _remember(key, found, large=len(body) > REMEMBERED_BYTES, elsewhere=made_by is not None)
    return found


def _remember(key: tuple[object, ...], review: Review, *, large: bool, elsewhere: bool) -> None:
    if not large:
        while len(_known) >= REMEMBERED:
            del _known[next(iter(_known))]
        _known[key] = review
    elif elsewhere:
        _large.clear()
        _large[key] = review


def _review(
    body: bytes, interpreter: str, policy: str, allow: tuple[str, ...], site: str, given: frozenset[str]
) -> Review:
    from opsconsole.safety.review import review

    return review(body, interpreter, policy, allow=allow, site=site, given=given)


def site_folder() -> str:
    """Where a site declares commands of its own."""
    return _site_folder(*(os.environ.get(name, "") for name in CONFIG_VARIABLES))


@lru_cache(maxsize=4)
def _site_folder(*variables: str) -> str:
    """Paths are dear to make, and this one is asked for with every submission."""
    return str(config_file(dict(zip(CONFIG_VARIABLES, variables, strict=True))).parent / "commands.d")


def as_stored(review: Review) -> dict[str, Any]:
    """What the record keeps of it."""
    return {
        "findings": [finding.to_json() for finding in review.findings[:MAX_STORED]],
        "effects": [effect.to_json() for effect in review.effects[:MAX_STORED]],
        "summary": review.summary()[:MAX_STORED],
        "review_notes": list(review.notes),
    }
