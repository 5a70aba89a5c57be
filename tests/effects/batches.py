"""Many command lines in one watched run; one by one only where something was seen."""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from opsconsole.safety.review import review
from tests.effects.place import prepare
from tests.effects.trace import Attempt
from tests.effects.watch import unlisted, watch

_SIZE = 40
_EACH_S = 1


def surprises(allowed: Iterable[str]) -> Iterator[tuple[str, list[Attempt]]]:
    """Each of the `allowed` lines that did what its review does not list, with what it did."""
    alike: defaultdict[frozenset[str], list[str]] = defaultdict(list)
    for line in allowed:
        alike[frozenset(effect.kind for effect in review(line).effects)].append(line)
    with tempfile.TemporaryDirectory(prefix="effects-") as folder:
        model = Path(folder, "model")
        model.mkdir()
        prepare(model)
        for group in alike.values():
            remaining = iter(group)
            while some := tuple(islice(remaining, _SIZE)):
                if _seen(model, some):
                    for line in some:
                        if seen := _seen(model, (line,)):
                            yield line, seen


def _seen(model: Path, some: tuple[str, ...]) -> list[Attempt]:
    """What these lines, of the same kinds of effect, did beyond them. A line that waits is stopped after a second."""
    work = model.with_name("work")
    shutil.copytree(model, work, symlinks=True)
    script = "\n".join(
        f"timeout -s KILL {_EACH_S} bash --norc --noprofile -c {shlex.quote(line)} >/dev/null 2>&1 </dev/null"
        for line in some
    )
    try:
        found = watch(script, work, timeout=_EACH_S * len(some) + 30.0).attempts
    finally:
        shutil.rmtree(work)
    return unlisted(found, review(some[0]).effects)
