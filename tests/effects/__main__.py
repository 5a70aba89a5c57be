"""`python -m tests.effects [--all] [--part K/N] [COMMAND …]`: try what the review allows and name every surprise."""

from __future__ import annotations

import argparse
import sys
import time

from opsconsole.safety.review import review
from tests.effects.batches import surprises
from tests.effects.lines import lines
from tests.effects.watch import missing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.effects")
    parser.add_argument("--all", action="store_true", help="every line, not one in ten")
    parser.add_argument("--part", default="1/1", help="the K-th of N parts")
    parser.add_argument("commands", nargs="*", help="only these commands")
    options = parser.parse_args()
    if reason := missing():
        print(reason, file=sys.stderr)
        return 2
    part, parts = map(int, options.part.split("/"))
    every = [line for line in lines() if not options.commands or line.split()[0] in options.commands]
    chosen = (every if options.all or options.commands else every[::10])[part - 1 :: parts]
    allowed = [line for line in chosen if review(line).verdict == "allow"]
    print(f"{len(every)} lines, {len(chosen)} chosen, {len(allowed)} allowed", flush=True)
    begun = time.monotonic()
    count = 0
    for line, attempts in surprises(allowed):
        count += 1
        print(f"{line}\n    " + "; ".join(f"{a.kind}: {a.call} {a.target}" for a in attempts), flush=True)
    print(f"{count} surprises, {time.monotonic() - begun:.0f} s")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
