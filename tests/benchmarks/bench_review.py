"""The verdict: one-liners and a script of 1,000 lines, against `bash -n`, which only parses, in turn."""

from __future__ import annotations

import statistics
import subprocess
import time

from opsconsole.safety.review import _judge, review, rules
from opsconsole.safety.review.shell import read_script

ONE_LINERS = (
    "ls -la /etc | sort -k5 -n | tail",
    "find /var/log -name '*.log' -mtime -1 -exec ls -l {} +",
    "ps aux --sort=-%cpu | head -n 20",
    "awk -F: '$3 > 1000 { print $1 }' /etc/passwd",
    'for f in /etc/*.conf; do wc -l < "$f"; done',
    "rm -rf /tmp/build && git status",
    "docker ps --format '{{.Names}}' | grep web",
    "curl -s https://example.org/health | jq .status",
)
LINES = """for f in /etc/*.conf; do
  if [ -f "$f" ]; then
    n=$(wc -l < "$f")
    echo "$f has $n lines" | tee -a r
  fi
done
"""
LONG = LINES * 167
ROUNDS = 30


def _milliseconds(scripts: tuple[str, ...], rounds: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    peer: list[float] = []
    for _ in range(rounds):
        for script in scripts:
            _judge.cache_clear()
            begin = time.perf_counter()
            review(script)
            ours.append((time.perf_counter() - begin) * 1000)
            begin = time.perf_counter()
            subprocess.run(["bash", "-n"], input=script.encode(), check=False, capture_output=True)
            peer.append((time.perf_counter() - begin) * 1000)
    return sorted(ours), sorted(peer)


def _rules_ms(rounds: int = 7) -> float:
    script = read_script(LONG)
    spent = []
    for _ in range(rounds):
        begin = time.perf_counter()
        rules.lint(script)
        spent.append((time.perf_counter() - begin) * 1000)
    return statistics.median(spent)


def _powershell_ms(rounds: int = 7) -> float:
    text = "Get-ChildItem -Path C:\\Logs -Recurse | Where-Object { $_.Length -gt 1MB } | Sort-Object Length\n" * 1000
    spent = []
    for _ in range(rounds):
        _judge.cache_clear()
        begin = time.perf_counter()
        review(text, "pwsh")
        spent.append((time.perf_counter() - begin) * 1000)
    return statistics.median(spent)


def main() -> None:
    review("true")
    for name, scripts, rounds, target in (("one-liners", ONE_LINERS, ROUNDS, 4.0), ("1,000 lines", (LONG,), 7, 250.0)):
        ours, peer = _milliseconds(scripts, rounds)
        print(
            f"{name}: median {statistics.median(ours):.2f} ms, p95 {ours[int(len(ours) * 0.95)]:.2f} ms "
            f"(target: median ≤ {target:g} ms); bash -n {statistics.median(peer):.2f} ms; "
            f"ratio {statistics.median(ours) / statistics.median(peer):.2f}"
        )
    print(f"all rules on the 1,000 lines: {_rules_ms():.1f} ms; 1,000 lines of PowerShell: {_powershell_ms():.0f} ms")


if __name__ == "__main__":
    main()
