"""`opsconsole doctor`: what this host can enforce, what is missing, and what that disables."""

from __future__ import annotations

import argparse
from itertools import groupby

from opsconsole.cli import diagnostics, output
from opsconsole.cli.arguments import Parser
from opsconsole.paths import StatePaths, state_root
from opsconsole.settings import load_settings

_EXAMPLES = (
    ("opsconsole doctor", "everything, for people"),
    ("opsconsole doctor --json", "the same as one JSON object"),
)
_MARKS = {"ok": ("✔", "32"), "degraded": ("!", "33"), "missing": ("-", "33"), "broken": ("✗", "31")}


def build() -> Parser:
    parser = Parser(
        "opsconsole doctor",
        "What this host can enforce, what is missing, what that disables and how to get it.\n"
        "Exit code 0, or 125 when something is broken that keeps scripts from running.",
        _EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises SettingsError."""
    from opsconsole import checkup

    facts = list(checkup.facts(StatePaths(state_root()), load_settings()))
    by_topic = {topic: list(group) for topic, group in groupby(facts, key=lambda fact: fact.topic)}
    healthy = all(fact.state != "broken" for fact in facts)
    if options.json:
        topics = {topic: [fact.to_json() for fact in group] for topic, group in by_topic.items()}
        output.ndjson([{"healthy": healthy, **topics}])
        return 0 if healthy else diagnostics.FAILED

    def line(fact: checkup.Fact) -> str:
        mark, colour = _MARKS[fact.state]
        if output.stdout.colours:
            mark = f"\x1b[{colour}m{mark}\x1b[0m"
        text = f"  {mark} {fact.name:<12} {diagnostics.harmless(fact.found)}\n"
        for words in (fact.effect, f"→ {fact.remedy}" if fact.remedy else ""):
            text += f"      {diagnostics.harmless(words)}\n" if words else ""
        return text

    for topic, group in by_topic.items():
        output.text(f"{topic}\n" + "".join(map(line, group)))
    return 0 if healthy else diagnostics.FAILED
