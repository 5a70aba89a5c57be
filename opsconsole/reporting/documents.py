"""What the reports say: of one run, of two beside each other, of a list, and of how it went over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opsconsole.models import Status, Task, rfc3339
from opsconsole.reporting.comparison import Comparison, Difference
from opsconsole.reporting.document import Bars, Block, Code, Document, Facts, Harmless, Stacks, Table, Words
from opsconsole.reporting.invocation import called_with, limits_said
from opsconsole.reporting.runs import Run
from opsconsole.reporting.wording import duration, moment, percent, share, size
from opsconsole.safety.review.model import describe_recorded
from opsconsole.storage.trends import Tally, Trends
from opsconsole.wording import reason

STATES = (
    Status.COMPLETED, Status.FAILED, Status.TIMED_OUT, Status.ABANDONED, Status.REFUSED, Status.CANCELLED,
)  # fmt: skip
"""From the bottom of a stack up."""
_WORST = 12
_LANGUAGES = {"bash", "sh", "python", "powershell"}


def word_of(status: Status) -> str:
    return status.value.replace("_", " ")


def made(now_us: int) -> str:
    return f"made {moment(now_us)}"


# -- one run


def of_run(run: Run, now_us: int) -> Document:
    """Everything that is known of it, its script and what it printed."""
    line = run.harmless.line
    blocks: list[Block] = [Facts("Facts", [(label, text) for label, text in facts_of(run) if text])]
    if len(run.attempts) > 1:
        blocks.append(_attempts(run))
    if run.course.events:
        blocks.append(_happened(run))
    if not run.course.complete:
        blocks.append(Words("Who did what to it was not recorded: it is older than that record."))
    blocks.append(Code("Script", "\n".join(run.script), _language(run.task.interpreter)))
    printed = "\n".join(one.text if one.stream != "stderr" else f"! {one.text}" for one in run.output)
    if any(one.stream == "stderr" for one in run.output):
        blocks.append(Words("Lines of output that begin with ! came on stderr."))
    blocks.append(Code("Output", printed or "(none)"))
    data = {
        "task": run.harmless.data(task_data(run.task)), "result": run.harmless.data(run.result.to_json()),
        "script": list(run.script), "output": [{"stream": one.stream, "text": one.text} for one in run.output],
        "output_bytes_left_out": run.left_out.kept, "output_lines_left_out": run.left_out.lines,
        "output_bytes_not_kept": run.left_out.not_kept,
        "events": run.harmless.data([event.to_json(run.task.id) for event in run.course.events]),
    }  # fmt: skip
    return Document("run", f"Run {run.result.execution_id}: {line(run.task.name, 200)}", made(now_us), blocks, data)


def facts_of(run: Run, when: Callable[[int | None], str] = moment) -> list[tuple[str, str]]:
    """Label and text, in the order of what one wants to know; empty texts are of what is not known. `when` puts times:
    on a screen by the clock of this host.
    """
    task, result, line = run.task, run.result, run.harmless.line
    metrics, left = result.metrics, result.supervision.get("leftovers") or []
    user, system = metrics.get("user_cpu_s"), metrics.get("system_cpu_s")
    noted = "; ".join(map(str, result.containment.get("limit_notes") or []))
    by = f"{task.actor} on {task.host} via {task.door}" + (f" from {task.ssh_client}" if task.ssh_client else "")
    pairs: list[tuple[str, object]] = [
        ("status", word_of(result.status)),
        ("reason", reason(result.reason or "")),
        ("exit code", result.exit_code),
        ("signal", result.signal),
        ("attempt", f"{result.attempt} of {result.attempts}"),
        *((label, text or ("none" if label == "arguments" else "")) for label, text in called_with(result, line)),
        ("started", when(result.started_at)),
        ("ended", when(result.finished_at)),
        ("took", duration(result.duration_s)),
        ("waited", duration(_waited(task))),
        ("CPU", "" if user is None else f"{duration(user)} user, {duration(system or 0)} system"),
        ("memory, peak", run.peak.said),
        ("processes", metrics.get("processes")),
        ("read, written", _moved(metrics)),
        ("policy", result.policy),
        ("contained by", result.containment.get("provider")),
        ("degraded", "; ".join(map(str, result.containment.get("degraded") or []))),
        ("limits", limits_said(result)),
        ("limits say", noted),
        ("verdict", result.verdict),
        ("findings", ", ".join(f"{one.get('line')}: {one.get('rule')}" for one in result.findings)),
        ("does", "; ".join(describe_recorded(result.effects))),
        ("not kept", _not_kept(result.output)),
        ("left behind", ", ".join(f"{one.get('name')} ({one.get('pid')})" for one in left)),
        ("by", by),
        ("parent", f"{task.parent_kind} of {task.parent_id}" if task.parent_id else ""),
        ("labels", ", ".join(f"{key}={value}" for key, value in task.labels.items())),
        ("pinned", "yes" if task.pinned else ""),
        ("interpreter", task.interpreter),
        ("script", f"sha256 {task.script_sha256}"),
    ]  # fmt: skip
    return [(label, "" if text is None else line(str(text))) for label, text in pairs]


def _not_kept(output: Mapping[str, Any]) -> str:
    """What the record does not have of the output."""
    parts = []
    for name in ("stdout", "stderr"):
        gap = output.get(f"{name}_gap") or {}
        if lost := gap.get("bytes"):
            parts.append(f"{size(lost)} ({lost:,} bytes) of {name}, after its first {size(gap['offset'])}")
        if lost := gap.get("lost_at_end"):
            parts.append(f"the last {size(lost)} ({lost:,} bytes) of {name}")
    return "; ".join(parts)


def _waited(task: Task) -> float | None:
    if task.started_at is None or task.attempt > 1:
        return None
    return max(0, task.started_at - task.queued_at) / 1_000_000


def _moved(metrics: Mapping[str, Any]) -> str:
    read, written = metrics.get("read_bytes"), metrics.get("write_bytes")
    return "" if read is None and written is None else f"{size(read or 0)}, {size(written or 0)}"


def _attempts(run: Run) -> Table:
    columns = (
        ("attempt", True),
        ("status", False),
        ("exit", True),
        ("started", False),
        ("took", True),
        ("reason", False),
    )
    return Table(
        "Attempts", columns,
        [
            (
                str(one.attempt), word_of(one.status), "" if one.exit_code is None else str(one.exit_code),
                moment(one.started_at), duration(one.duration_s), run.harmless.line(reason(one.reason or "")),
            )
            for one in run.attempts
        ],
    )  # fmt: skip


def _happened(run: Run) -> Table:
    """All that happened to the task, of each attempt; who asked for it and why, where anybody did."""
    line, events = run.harmless.line, run.course.events
    columns = [("when", False), ("attempt", True), ("what", False), ("by", False), ("detail", False)]
    rows = [
        [
            moment(event.at), str(event.attempt), line(event.what.replace("_", " ")), line(event.actor or ""),
            line(reason(event.detail or "")),
        ]
        for event in events
    ]  # fmt: skip
    if any(event.reason for event in events):
        columns.append(("reason", False))
        for row, event in zip(rows, events, strict=True):
            row.append(line(event.reason or "", 500))
    return Table("What happened to it", columns, rows)


def _language(interpreter: str) -> str:
    return interpreter if interpreter in _LANGUAGES else ""


def task_data(task: Task) -> dict[str, Any]:
    """A row of the list, for JSON and CSV."""
    return {
        "id": task.id, "name": task.name, "status": task.status.value, "exit_code": task.exit_code,
        "signal": task.signal, "reason": task.reason, "policy": task.policy.value, "attempt": task.attempt,
        "attempts": task.attempts, "queued_at": rfc3339(task.queued_at), "started_at": rfc3339(task.started_at),
        "finished_at": rfc3339(task.finished_at), "duration_s": task.duration_s, "host": task.host, "door": task.door,
        "actor": task.actor, "pinned": task.pinned, "script_sha256": task.script_sha256,
    }  # fmt: skip


# -- two runs


def of_comparison(found: Comparison, now_us: int) -> Document:
    """Facts side by side, then what is different in script and output."""
    before, after = found.before, found.after
    title = f"{before.result.execution_id} and {after.result.execution_id}: {after.harmless.line(after.task.name, 200)}"
    rows = [
        (pair.label, pair.before, "≠" if pair.differs else "", pair.after, pair.said)
        for pair in found.pairs
        if pair.before or pair.after
    ]
    columns = (
        ("", False),
        (before.result.execution_id, False),
        ("", False),
        (after.result.execution_id, False),
        ("", False),
    )
    blocks: list[Block] = [Table("Facts", columns, rows)]
    for caption, one in (("Script", found.script), ("Output", found.output)):
        blocks += _difference(caption, one)
    data = {
        "before": before.harmless.data(before.result.to_json()), "after": after.harmless.data(after.result.to_json()),
        "facts": [pair._asdict() for pair in found.pairs],
        "script": _difference_data(found.script), "output": _difference_data(found.output),
    }  # fmt: skip
    return Document("comparison", title, made(now_us), blocks, data)


def _difference(caption: str, found: Difference) -> list[Block]:
    if found.same:
        return [Words(f"{caption}: the same.")]
    blocks: list[Block] = [
        Code(f"{caption}: {found.removed} lines less, {found.added} more", "\n".join(diff_lines(found)), "diff")
    ]
    return [*blocks, Words(f"Not compared: {found.left_out}.")] if found.left_out else blocks


def diff_lines(found: Difference) -> list[str]:
    """As `diff -u` has them."""
    return [line.text if line.sign == "@" else line.sign + line.text for line in found.lines]


def _difference_data(found: Difference) -> dict[str, Any]:
    return {"same": found.same, "lines": diff_lines(found), "left_out": found.left_out}


# -- a list


def of_list(tasks: Iterable[Task], total: int, filter_text: str, harmless: Harmless, now_us: int) -> Document:
    """The rows as they were filtered; `total`: how many there are, when not all are here."""
    records = [harmless.data(task_data(task)) for task in tasks]
    said = f"{len(records):,} of {total:,} runs" if len(records) < total else _runs(total)
    shown = harmless.line(filter_text)
    blocks: list[Block] = [Words(said + (f", filtered by: {shown}" if shown else "") + ".")]
    columns = (
        ("id", True), ("status", False), ("exit", True), ("ended", False), ("took", True), ("name", False),
        ("policy", False), ("by", False), ("host", False),
    )  # fmt: skip
    rows = [_row(record) for record in records]
    blocks.append(Table("Runs", columns, rows))
    data = {"filter": shown, "total": total, "runs": records}
    return Document("list", "Runs", made(now_us), blocks, data, records)


def _row(record: Mapping[str, Any]) -> Sequence[str]:
    code = record["signal"] or record["exit_code"]
    ended = str(record["finished_at"] or "")[:19].replace("T", " ")
    return (
        str(record["id"]), str(record["status"]).replace("_", " "), "" if code is None else str(code), ended,
        duration(record["duration_s"]), *(str(record[name]) for name in ("name", "policy", "actor", "host")),
    )  # fmt: skip


# -- statistics


def of_statistics(found: Trends, span: str, filter_text: str, harmless: Harmless, now_us: int) -> Document:
    """Success and run time over time, the slowest and the most failing."""
    whole, shown = found.whole, harmless.line(filter_text)
    blocks: list[Block] = [
        Facts(
            "Summary",
            [
                ("span", f"{span}: {moment(found.since_us)} to {moment(found.until_us)}"),
                *([("filter", shown)] if shown else []),
                ("runs", f"{whole.total:,}"),
                *((word_of(status), f"{count:,}") for status in STATES if (count := whole.counts.get(status, 0))),
                ("success rate", succeeded(whole)),
                ("run time, median", duration(whole.p50_s)),
                ("run time, 95 %", duration(whole.p95_s)),
            ],
        ),
        stacks_of(found),
    ]
    blocks.append(Bars(f"Slowest, by {found.by} (95 %)", slowest_bars(found, harmless, _WORST)))
    failing = failing_bars(found, harmless, _WORST)
    blocks.append(Bars(f"Most failing, by {found.by} (share failed)", failing, full=1.0))
    records = [
        {found.by: harmless.line(str(key)), **_tally_data(tally)}
        for key, tally in sorted(found.groups.items(), key=lambda one: -one[1].total)
    ]
    data = {
        "since": rfc3339(found.since_us), "until": rfc3339(found.until_us), "filter": shown,
        "whole": _tally_data(whole),
        "buckets": [
            {"since": rfc3339(found.since_us + number * found.width_us), **_tally_data(tally)}
            for number, tally in enumerate(found.buckets)
        ],
        "groups": records,
    }  # fmt: skip
    return Document("statistics", "How it went", made(now_us), blocks, data, records)


def succeeded(whole: Tally) -> str:
    """`37.5 % (3 of 8)`: what was cancelled or refused is neither success nor failure."""
    completed = whole.counts.get(Status.COMPLETED, 0)
    return share(completed, completed + whole.failed)


def stacks_of(found: Trends) -> Stacks:
    kinds = [status for status in STATES if any(tally.counts.get(status) for tally in found.buckets)]
    columns = [
        (moment(found.since_us + number * found.width_us), [tally.counts.get(status, 0) for status in kinds])
        for number, tally in enumerate(found.buckets)
    ]
    lines = [
        ("median, s", [tally.p50_s for tally in found.buckets]), ("95 %, s", [tally.p95_s for tally in found.buckets]),
    ]  # fmt: skip
    return Stacks("Runs over time, and their run time", [word_of(status) for status in kinds], columns, lines)


def slowest_bars(found: Trends, harmless: Harmless, most: int) -> list[tuple[str, float, str]]:
    return [
        (harmless.line(str(key), 200), tally.p95_s or 0.0, f"{duration(tally.p95_s)} ({_runs(tally.total)})")
        for key, tally in found.slowest(most)
    ]


def _runs(count: int) -> str:
    return f"{count:,} run" if count == 1 else f"{count:,} runs"


def failing_bars(found: Trends, harmless: Harmless, most: int) -> list[tuple[str, float, str]]:
    """The share (0–1) of its runs that failed; those that failed most often come first."""
    return [
        (harmless.line(str(key), 200), share, f"{percent(share)} ({tally.failed:,} of {tally.total:,})")
        for key, tally in found.most_failing(most)
        for share in (tally.failed / tally.total,)
    ]


def _tally_data(tally: Tally) -> dict[str, Any]:
    return {
        "runs": tally.total, **{status.value: tally.counts.get(status, 0) for status in STATES},
        "success_rate": tally.success_rate, "p50_s": tally.p50_s, "p95_s": tally.p95_s,
    }  # fmt: skip
