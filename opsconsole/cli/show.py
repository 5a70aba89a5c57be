"""`opsconsole show`: one task, or one of its attempts."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsconsole.cli import diagnostics, output, wording
from opsconsole.cli.arguments import Parser
from opsconsole.cli.objects import as_it_is, task_object
from opsconsole.cli.way import Way
from opsconsole.errors import UsageError
from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.wording import reason

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.safety.redact import Redaction
    from opsconsole.storage.course import Course, TaskEvent

_EXAMPLES = (
    ("opsconsole show 17", "how task 17 went"),
    ("opsconsole show 17 --output | less -R", "what it wrote, stdout and stderr in the order they came"),
    ("opsconsole show 17.1 --stderr", "stderr of its first attempt"),
    ("opsconsole show 17 --json", "the result object"),
    ("opsconsole show 17 --events", "what happened to it, when, and who asked for it"),
)
_UNKNOWN = "nobody wrote down who did what"


def build() -> Parser:
    parser = Parser("opsconsole show", "One task: how it went, its script, its output.", _EXAMPLES)
    parser.add_argument("id", metavar="ID", help="a task (17: its newest attempt), or an execution (17.1)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--output", action="store_true", help="stdout and stderr in order, byte-exact into a pipe")
    what.add_argument("--stdout", action="store_true", help="only stdout")
    what.add_argument("--stderr", action="store_true", help="only stderr")
    what.add_argument("--timing", action="store_true", help="its output with the seconds since the start, line by line")
    what.add_argument("--script", action="store_true", help="the script that ran, byte-exact into a pipe")
    what.add_argument("--usage", action="store_true", help="what its processes used while it ran, a line a sample")
    what.add_argument("--json", action="store_true", help="the result object")
    parser.add_argument(
        "--events", action="store_true",
        help="what happened to it and who asked for it, in order of time; with --json an object a line, newest first",
    )  # fmt: skip
    parser.add_argument("--attempts", action="store_true", help="with --json: every attempt, newest first")
    return parser


def run(options: argparse.Namespace) -> int:
    """Returns the exit code. Raises OpsErrors."""
    from opsconsole.cli.opened import reading

    others = ("output", "stdout", "stderr", "timing", "script", "usage", "attempts")
    if options.events and (also := next((name for name in others if getattr(options, name)), None)):
        raise UsageError(f"--events goes with --json, not with --{also}")
    with reading() as engine:
        result = engine.result(options.id)
        if options.events:
            _events(engine, result, options)
        elif options.json:
            _json(engine, options)
        elif options.script:
            script = engine.shown_script if output.stdout.terminal else engine.script
            _write(script(result.task_id), engine.redaction_of(result.task_id))
        elif options.timing:
            _timing(engine, result)
        elif options.usage:
            _usage(engine, result)
        elif options.output or options.stdout or options.stderr:
            wanted = {"stdout"} if options.stdout else {"stderr"} if options.stderr else {"stdout", "stderr"}
            _output(engine, result, wanted)
        else:
            _summary(engine, as_it_is(engine, result), engine.task(result.task_id))
    return 0


def _json(engine: Engine, options: argparse.Namespace) -> None:
    result = engine.result(options.id)
    if options.attempts:
        output.ndjson(as_it_is(engine, attempt).to_json() for attempt in reversed(engine.attempts(result.task_id)))
    elif "." in options.id:
        output.ndjson([as_it_is(engine, result).to_json()])
    else:
        output.ndjson([task_object(engine, engine.task(result.task_id))])


def _events(engine: Engine, result: ExecutionResult, options: argparse.Namespace) -> None:
    """Of the task, or of the one attempt that was asked for."""
    course = engine.course(result.task_id)
    one = result.attempt if "." in options.id else None
    events = [event for event in course.events if one in (None, event.attempt)]
    if options.json:
        output.ndjson(event.to_json(result.task_id) for event in reversed(events))
    else:
        output.text("".join(f"{diagnostics.harmless(_told(event))}\n" for event in events))
    if not course.complete:
        diagnostics.tell(f"{_UNKNOWN} to task {result.task_id}: it is older than that record")


def _told(event: TaskEvent) -> str:
    who = f"by {event.actor}" if event.actor else ""
    detail = reason(event.detail or "")
    more = ": ".join(filter(None, (", ".join(filter(None, (detail, who))), event.reason)))
    return f"{wording.moment(event.at)}  {event.what.replace('_', ' '):<14}  {more}".rstrip()


def _done(course: Course) -> str:
    """What people and consoles did to it, beside what the other facts tell."""
    lines = [_told(event) for event in course.noted if event.what != "claimed"]
    return f"\n{'':<16}".join(diagnostics.harmless(line) for line in lines)


def _write(data: bytes, redaction: Redaction) -> None:
    from opsconsole.execution.outputs import Chunk
    from opsconsole.execution.showing import Shown

    way = Way(output.stdout, "", by_line=False, shown=Shown(redaction))
    output.write(way.take(Chunk("stdout", data, None)) + way.end())


def _output(engine: Engine, result: ExecutionResult, wanted: set[str]) -> None:
    """Both streams go to stdout here: the order between them is what one wants to see."""
    from opsconsole.execution.outputs import Follower

    follower = Follower(engine.paths.run_folder(result.execution_id))
    hiding = engine.hiding_of(result.task_id, result.execution_id)
    ways = {name: Way(output.stdout, "", by_line=False, shown=hiding.stream(name)) for name in wanted}
    inside = False

    def put(data: bytes) -> None:
        nonlocal inside
        output.write(data)
        inside = not data.endswith(b"\n") if data else inside

    while chunks := follower.read():
        for chunk in chunks:
            if chunk.stream not in wanted:
                continue
            if chunk.missing:
                diagnostics.tell(f"{chunk.missing} bytes of {chunk.stream} were not kept here", within_a_line=inside)
                inside = False
            put(ways[chunk.stream].take(chunk))
    for way in ways.values():
        put(way.end())
    follower.close()
    for name in sorted(wanted):
        gap = result.output.get(f"{name}_gap") or {}
        if gap.get("lost_at_end"):
            said = f"the last {gap['lost_at_end']} bytes of {name} could not be kept"
            diagnostics.tell(said, within_a_line=inside)
            inside = False


def _timing(engine: Engine, result: ExecutionResult) -> None:
    from opsconsole.execution.outputs import Follower
    from opsconsole.safety.sanitise import sanitise

    follower = Follower(engine.paths.run_folder(result.execution_id))
    hiding = engine.hiding_of(result.task_id, result.execution_id)
    streams = {name: hiding.stream(name) for name in ("stdout", "stderr")}
    while chunks := follower.read():
        for chunk in chunks:
            when = " " * 12 if chunk.elapsed_s is None else f"{chunk.elapsed_s:12.6f}"
            if chunk.missing:
                output.text(f"{when} {chunk.stream} [{chunk.missing} bytes were not kept]\n")
            text = sanitise(streams[chunk.stream].feed(chunk), colours=output.stdout.colours)
            output.text("".join(f"{when} {chunk.stream} {line}\n" for line in text.split("\n") if line))
    for name, stream in streams.items():
        rest = sanitise(stream.finish(), colours=output.stdout.colours)
        output.text("".join(f"{'':12} {name} {line}\n" for line in rest.split("\n") if line))
    follower.close()


def _summary(engine: Engine, result: ExecutionResult, task: Task) -> None:
    from opsconsole.reporting.invocation import called_with, limits_said
    from opsconsole.reporting.peak import peak_of
    from opsconsole.safety.review.model import describe_recorded

    metrics, streams, supervision = result.metrics, result.output, result.supervision
    left = supervision.get("leftovers") or []
    course = engine.course(task.id)
    claims = [one for one in course.noted if (one.what, one.attempt) == ("claimed", result.attempt)]
    facts = {
        "task": f"{result.execution_id}, attempt {result.attempt} of {result.attempts}",
        "name": result.name,
        "status": result.status.value,
        "reason": reason(result.reason or ""),
        "exit code": result.exit_code,
        "signal": result.signal,
        "policy": f"{result.policy} (containment: {result.containment['provider']})",
        "does": "; ".join(describe_recorded(result.effects)),
        "findings": wording.findings(result.findings),
        "interpreter": supervision.get("interpreter"),
        **dict(called_with(result, engine.redaction_of(task.id).text)),
        "priority": task.priority.name.lower(),
        "queued": wording.moment(result.queued_at),
        "claimed": f"{wording.moment(claims[-1].at)} by {claims[-1].actor or 'a console'}" if claims else None,
        "started": wording.moment(result.started_at),
        "finished": wording.moment(result.finished_at),
        "took": wording.duration(result.duration_s),
        "cpu": _cpu(result),
        "memory, peak": peak_of(result, engine.paths.run_folder(result.execution_id)).said,
        "processes": metrics.get("processes"),
        "while it ran": _peaks(engine, result),
        "stdout": _stream(streams.get("stdout_bytes"), streams.get("stdout_path")),
        "stderr": _stream(streams.get("stderr_bytes"), streams.get("stderr_path")),
        "output is whole": "no" if streams.get("truncated") else None,
        **_killing(result, left),
        "left running": _processes([one for one in left if not one.get("killed")]),
        "killed at end": _processes([one for one in left if one.get("killed")]),
        "still alive": _processes(supervision.get("survivors")),
        "limits": limits_said(result),
        "limits say": "; ".join(result.containment.get("limit_notes") or []),
        "degraded": "; ".join(result.containment.get("degraded") or []),
        "notes": "; ".join(result.containment.get("notes") or []),
        "work folder": _work(result.containment.get("work")),
        "by": f"{task.actor} on {task.host} via {task.door}" + (f" from {task.ssh_client}" if task.ssh_client else ""),
        "parent": f"{task.parent_kind} of {task.parent_id}" if task.parent_id else None,
        "labels": ", ".join(f"{key}={value}" for key, value in task.labels.items()),
        "pinned": "yes" if task.pinned else None,
        "waits for": engine.waiting_reason(task.id) if task.status.is_open else None,
        "script": f"sha256 {result.script_sha256}",
    }
    output.text(
        "".join(
            f"{key:<16}{diagnostics.harmless(str(value))}\n" for key, value in facts.items() if value not in (None, "")
        )
    )
    if done := _done(course):
        output.text(f"{'what was done':<16}{done}\n")
    if not course.complete:
        output.text(f"{'' if done else 'what was done':<16}{_UNKNOWN}: it is older than that record\n")


def _killing(result: ExecutionResult, left: list[Mapping[str, Any]]) -> dict[str, str]:
    """By what it was killed; of a run that ended by itself, or runs, by what it would be."""
    means = result.containment.get("kill")
    if not means:
        return {}
    supervision = result.supervision
    stopped = result.status in (Status.CANCELLED, Status.TIMED_OUT) or supervision.get("stopped_by")
    if stopped or supervision.get("survivors") or any(one.get("killed") for one in left):
        return {"killed by": str(means)}
    return {"means to kill": f"{means}{'' if result.status.is_active else ' (not used)'}"}


def _work(work: Mapping[str, Any] | None) -> str:
    """The folder, and what the run left in it."""
    if not work:
        return ""
    names = ", ".join(f"{entry['path']} ({wording.size(entry['bytes'])})" for entry in work.get("files", [])[:10])
    return f"{work['path']}: {work.get('count', 0)} files{', ' if names else ''}{names}"


def _cpu(result: ExecutionResult) -> str | None:
    user, system = result.metrics.get("user_cpu_s"), result.metrics.get("system_cpu_s")
    if user is None or system is None:
        return None
    return f"{wording.duration(user)} user, {wording.duration(system)} system"


def _peaks(engine: Engine, result: ExecutionResult) -> str | None:
    """The most its tree used at once, as far as samples saw it."""
    from opsconsole.monitoring.sampling.runs import read_series

    found = read_series(engine.paths.run_folder(result.execution_id))
    if not found:
        return None
    busiest = max((one.cpu_percent or 0.0) for one in found)
    return (
        f"at most {busiest:.0f} % of a core, {wording.size(found[-1].peak_rss_bytes)} in "
        f"{max(one.processes for one in found)} processes ({found[-1].source}, {len(found)} samples: --usage)"
    )


def _usage(engine: Engine, result: ExecutionResult) -> None:
    """NDJSON: the series kept with the run."""
    from dataclasses import asdict

    from opsconsole.models import rfc3339
    from opsconsole.monitoring.sampling.runs import read_series

    found = read_series(engine.paths.run_folder(result.execution_id))
    if not found:
        if result.started_at is None and not result.status.is_active:
            why = "it has not run yet" if result.status.is_open else "it never ran"
        else:
            why = "it ran for less than a second, or nobody was there to look"
        diagnostics.tell(f"no samples: {why}")
    output.ndjson({"time": rfc3339(one.time_us), **asdict(one)} for one in found)


def _stream(count: int | None, path: str | None) -> str | None:
    return None if not path else f"{wording.size(count or 0)} in {path}"


def _processes(entries: list[dict[str, object]] | None) -> str:
    return ", ".join(f"{entry.get('name') or '?'} ({entry.get('pid')})" for entry in entries or [])
