"""`python -m tests.fuzz --minutes N [--seed S]`: hidden and mutated scripts; what is allowed is run and watched."""

from __future__ import annotations

import argparse
import sys
import time

from opsconsole.safety.review import review
from tests.effects.batches import surprises
from tests.fuzz.shell import hidden, mutated

_ROUND = 400
_SLOW_S = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    end = time.monotonic() + options.minutes * 60
    seed, allowed_in_all, wrong = options.seed, 0, 0
    while time.monotonic() < end:
        allowed = []
        for _ in range(_ROUND):
            seed += 1
            script = hidden(seed) if seed % 3 else mutated(hidden(seed), seed)
            begun = time.monotonic()
            verdict = review(script).verdict
            if time.monotonic() - begun > _SLOW_S:
                wrong += 1
                print(f"slow: {script!r}", flush=True)
            if verdict == "allow":
                allowed.append(script)
        allowed_in_all += len(allowed)
        for script, attempts in surprises(allowed):
            wrong += 1
            print(f"{script!r}: {attempts}", flush=True)
    print(f"{seed - options.seed} scripts, {allowed_in_all} allowed, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
