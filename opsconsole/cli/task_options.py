"""What `--run` and `queue add` have in common: the options of a task, and the TaskSpecs they make."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from opsconsole.cli import diagnostics
from opsconsole.cli.arguments import Parser, environment, pairs
from opsconsole.errors import ScriptNotFound, SpecError, UsageError
from opsconsole.models import ExecutionPolicy, Priority, ResourceLimits, TaskSpec, parse_size

PRIORITIES = [priority.name.lower() for priority in Priority]
POLICIES = [policy.value for policy in ExecutionPolicy]

_SIZES = ("memory", "swap", "read_bps", "write_bps", "file_size", "output")
_COUNTS = ("pids", "open_files")
_NETWORK = ("network", "net", "bandwidth", "net_bps", "network_bps", "rx_bps", "tx_bps")


def path_source(value: str) -> tuple[str, str]:
    """A script in a file; `-` is standard input."""
    return "path", value


def text_source(value: str) -> tuple[str, str]:
    """A script given as text."""
    return "script", value


def add_task_options(parser: Parser) -> None:
    """The options that describe a task."""
    add = parser.add_argument
    add("--policy", choices=POLICIES, default="standard", help="what the script may do (default: standard)")
    add("--priority", choices=PRIORITIES, default="normal", help="its place in the queue (default: normal)")
    add("--timeout", type=float, metavar="S", help="seconds until it is ended (default: 300, at most 3600)")
    add("--retries", type=int, default=0, metavar="N", help="up to 3 more attempts, each after a longer wait")
    add("--interpreter", metavar="NAME", help="bash, sh, python, powershell or applescript (default: by shebang, name)")
    add("--cwd", metavar="DIR", help="where it runs (default: here)")
    add("--env", action="append", default=[], metavar="K[=V]", help="set a variable; K alone takes your own value")
    add("--limit", action="append", default=[], metavar="K=V",
        help="memory swap cpu pids read_bps write_bps file_size open_files output, such as output=64M")  # fmt: skip
    add("--allow", action="append", default=[], metavar="RULE", help="permit one finding that would refuse the script")
    add("--reason", metavar="TEXT", help="why, for the record; the elevated policy asks for it")
    add("--yes", action="store_true", help="the confirmation that a policy asks for")
    add("--kill-leftovers", action="store_true", help="kill what the script leaves running when it ends")
    add("--allow-network", action="store_true", help="grant the network under the restricted policy")
    add("--writable", action="append", default=[], metavar="DIR", help="grant a directory under the restricted policy")
    add("--stdin", metavar="FILE", help="what the script reads on its standard input (default: nothing)")
    add("--label", action="append", default=[], metavar="K=V", help="a label, to find the run again")
    add("--name", metavar="NAME", help="a name for the record (default: the file's, or the text's first line)")
    add("--after", type=int, metavar="ID", help="run only when that task has succeeded")
    add("--idempotent", action="store_true", help="running it twice does no harm: do so if its end was never seen")


def specs(options: argparse.Namespace, sources: Sequence[tuple[str, str]], arguments: Sequence[str]) -> list[TaskSpec]:
    """One TaskSpec for each source, ("path" | "script", value). Raises UsageError, SpecError, ScriptNotFound."""
    if options.name and len(sources) > 1:
        raise UsageError("--name names one script, but several were given")
    if sources.count(("path", "-")) > (options.stdin != "-"):
        raise UsageError("standard input can be read only once", hint="give only one `-`")
    common: dict[str, Any] = {
        "name": options.name,
        "args": tuple(arguments),
        "interpreter": options.interpreter,
        "policy": ExecutionPolicy(options.policy),
        "priority": Priority.parse(options.priority),
        "timeout_s": options.timeout,
        "retries": options.retries,
        "cwd": options.cwd,
        "env": _environment(options.env),
        "limits": limits(options.limit),
        "after": options.after,
        "hold": getattr(options, "hold", False),
        "stdin": None if options.stdin == "-" else _readable(options.stdin, "--stdin"),
        "labels": pairs(options.label, "--label"),
        "idempotent": options.idempotent,
        "kill_leftovers": options.kill_leftovers,
        "confirmed": options.yes,
        "reason": options.reason,
        "allow": tuple(options.allow),
        "allow_network": options.allow_network,
        "writable": tuple(options.writable),
    }
    return [TaskSpec(**{**common, **_source(kind, value, options.name)}) for kind, value in sources]


def _environment(words: Sequence[str]) -> dict[str, str]:
    """Of which no message may show what is secret."""
    values = environment(words)
    if values:
        from opsconsole.safety.redact import Redaction
        from opsconsole.settings import RedactionSettings

        diagnostics.hide(Redaction.of(values, RedactionSettings(), values))
    return values


def _source(kind: str, value: str, name: str | None) -> dict[str, Any]:
    if kind == "path" and value == "-":
        return {"script": sys.stdin.buffer.read(), "name": name or "stdin"}
    return {kind: _readable(value, "the script") if kind == "path" else value}


def _readable(path: str | None, what: str) -> str | None:
    """Looked at before anything runs: of three scripts, none shall run when the third cannot be read."""
    if path is None:
        return None
    try:
        os.stat(path)
        problem = "" if os.access(path, os.R_OK) else "permission denied"
    except OSError as error:
        problem = error.strerror or str(error)
    if os.path.isdir(path):
        problem = "it is a directory"
    if problem:
        raise ScriptNotFound(f"{what} {path} cannot be read: {problem[0].lower()}{problem[1:]}")
    return path


def limits(words: Sequence[str]) -> ResourceLimits:
    """`--limit K=V` words as limits. Raises SpecError, UsageError."""
    values: dict[str, Any] = {}
    for key, value in pairs(words, "--limit").items():
        if key in _SIZES:
            values[key] = parse_size(value)
        elif key in _COUNTS:
            values[key] = _number(key, value, int)
        elif key == "cpu":
            share = value.endswith("%")
            values[key] = _number(key, value.removesuffix("%"), float) / (100 if share else 1)
        elif key in _NETWORK:
            raise SpecError(
                f"limit {key}: the network's bandwidth can be limited only where a run has a network of its own, "
                "and none has",
                hint="limit it in the tool, such as curl --limit-rate 1M",
            )
        else:
            raise SpecError(f"unknown limit {key!r}", hint=f"one of {' '.join(sorted((*_SIZES, *_COUNTS, 'cpu')))}")
    return ResourceLimits(**values)


def _number(key: str, value: str, kind: type[int] | type[float]) -> float:
    try:
        number = kind(value)
    except ValueError:
        raise SpecError(f"--limit {key}={value}: not a number") from None
    if number <= 0:
        raise SpecError(f"--limit {key}={value}: it must be more than 0")
    return number
