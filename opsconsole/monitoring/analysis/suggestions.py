"""What could be done, each from evidence; nothing without, and nothing for a host on which nothing is short.

A suggestion names who, where and how much. What it cannot know (whether a process may be stopped, what a file is for)
it leaves to the reader, and says so as its risk. The commands under `look` only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from opsconsole.monitoring.analysis import shortages
from opsconsole.monitoring.analysis.causes import WITH_CHILDREN
from opsconsole.monitoring.analysis.evidence import (
    BY_SEVERITY,
    LOW,
    MEDIUM,
    Found,
    ago,
    at_least,
    care_for,
    of_resource,
    quoted_name,
    said,
    waited,
    waiting_rank,
    with_care,
)
from opsconsole.monitoring.analysis.model import Cause, Suggestion, clean
from opsconsole.monitoring.analysis.use import PACKETS, SHORT, THRASH_BPS, USED, WAITS, lost
from opsconsole.monitoring.analysis.vital import of_subject
from opsconsole.wording import rate, size

CATEGORIES = ("CPU", "memory", "disk", "I/O", "network", "processes")
_NICE = 10
"""From which niceness on a process gives way already."""
_OF_THE_FIRST = 0.2
"""Of what the first one moves, below which the second is not the trouble."""
_SHOWN = 4
"""Processes that a command names."""
_CAREFUL = 5.0
"""What the rank loses where a process is not to be stopped: others come first."""
_LESS_URGENT = 0.7
"""Of the rank of what is over for now."""


def suggestions(now: Found, past: Found | None = None) -> tuple[Suggestion, ...]:
    """The most urgent first. What was waited for over the span (`past`) adds what it alone shows, a little lower."""
    makers = (*_WAITED_FOR, _throttled, _leak, _oom, *_RUNNING_OUT)
    made = [suggestion for maker in makers for suggestion in maker(now)]
    if past is not None:
        seen = {(each.category, each.template) for each in made}
        before = [suggestion for maker in _WAITED_FOR for suggestion in maker(past)]
        made += [
            replace(each, rank=each.rank * _LESS_URGENT)
            for each in before
            if (each.category, each.template) not in seen
        ]
    return tuple(sorted(made, key=lambda each: (-each.rank, CATEGORIES.index(each.category), each.title)))


def _cpu(found: Found) -> Iterator[Suggestion]:
    reading = found.readings["cpu"]
    if reading.score < WAITS["cpu"] or reading.basis == "cpu limit":
        return
    by_pid = {one.pid: one for one in found.processes}
    evidence = (*waited(found, "cpu"), *reading.saturation)
    for place, cause in enumerate(_acted_on(found, "cpu")):
        first = by_pid.get(cause.pids[0]) if cause.pids else None
        if (cause.share or 0.0) < 0.1 or cause.value is None:
            continue
        uses = f"{cause.label} uses {cause.value:.0f} % of a core ({100 * (cause.share or 0):.0f} % of the CPU)"
        rank = waiting_rank(found, "cpu", reading.score) - place - (0.0 if cause.value >= 50 else 10.0)
        look = _look_at(cause, "top -b -n 1 -o %CPU | head -20")
        if (care := care_for(found, cause)) is not None:
            title, why, risk = with_care(cause.label, care, f"what keeps {cause.label} busy")
            yield Suggestion(
                "CPU", title, (uses, why, *evidence), f"up to {cause.value / 100:.1f} cores for the others", risk, None,
                look, rank - _CAREFUL,
            )  # fmt: skip
            continue
        polite = first is not None and first.nice >= _NICE
        if polite:
            uses += f"; it gives way already (nice {first.nice})" if first is not None else ""
        yield Suggestion(
            "CPU",
            f"Stop or move {cause.label}" if polite else f"Lower the priority of {cause.label}, or stop {_it(cause)}",
            (uses, *evidence),
            f"up to {cause.value / 100:.1f} cores for the others{_renice(cause) * (not polite)}",
            MEDIUM,
            "high_cpu",
            look,
            rank - (5.0 if polite else 0.0),
        )


def _acted_on(found: Found, resource: str) -> list[Cause]:
    """The first two that are no kernel threads."""
    causes = of_resource(found, resource, "process", "group", "run")
    return [cause for cause in causes if (care := care_for(found, cause)) is None or not care.kernel][:2]


def _look_at(cause: Cause, otherwise: str) -> tuple[str, ...]:
    if not cause.pids:
        return (otherwise,)
    return (f"ps -o pid,ppid,user,ni,pcpu,rss,etime,args -p {','.join(map(str, cause.pids[:_SHOWN]))}",)


def _renice(cause: Cause) -> str:
    """Not among the commands, which only read."""
    pids = " ".join(map(str, cause.pids))
    how = f"renice -n {_NICE} -p {pids}" if 0 < len(cause.pids) <= _SHOWN else "renice"
    return f"; with a lower priority ({how}) they come first"


def _it(cause: Cause) -> str:
    return "them" if len(cause.pids) > 1 else "it"


def _with(cause: Cause) -> str:
    return f" ({WITH_CHILDREN})" if WITH_CHILDREN in cause.note else ""


def _steal(found: Found) -> Iterator[Suggestion]:
    steal = found.values.get("cpu_steal", 0.0)
    if steal < WAITS["steal"]:
        return
    yield Suggestion(
        "CPU",
        "Move this virtual machine, or ask its provider for the CPU it should have",
        (f"{steal:.0f} % of its CPU went to others on the same hardware, {found.over}",),
        f"that {steal:.0f} % of its CPU back; nothing on this host can give it",
        LOW,
        "cpu_steal",
        ("vmstat 1 5",),
        waiting_rank(found, "steal", steal),
    )


def _throttled(found: Found) -> Iterator[Suggestion]:
    reading = found.readings["cpu"]
    if reading.basis != "cpu limit" or reading.score < WAITS["cpu"]:
        return
    yield Suggestion(
        "CPU",
        f"Raise the CPU limit of this container, now {found.host.cores:g} cores, or run less in it at once",
        (f"held back by that limit {reading.score:.0f} % of the time, {found.over}",),
        "its tasks run when the hardware has time for them",
        LOW,
        None,
        ("cat /sys/fs/cgroup/cpu.stat",),
        waiting_rank(found, "cpu", reading.score),
    )


def _memory(found: Found) -> Iterator[Suggestion]:
    reading = found.readings["memory"]
    used = reading.utilisation or 0.0
    waits = reading.score >= WAITS["memory"]
    if not waits and used < USED["memory"]:
        return
    rank = waiting_rank(found, "memory", reading.score) if waits else 75.0 if used >= SHORT["memory"] else 50.0
    memory = found.sample.memory if found.sample is not None else None
    evidence = [f"memory {used:.0f} % used"]
    if memory is not None:
        evidence[0] += f", {size(memory.available)} of {size(memory.total)} available"
    evidence += [*waited(found, "memory"), *reading.saturation]
    for place, cause in enumerate(_acted_on(found, "memory")):
        if cause.value is None or (cause.share or 0.0) < 0.1:
            continue
        holds = f"{cause.label} holds {size(cause.value)} ({100 * (cause.share or 0):.0f} % of the memory)"
        look = _look_at(cause, "ps -eo pid,user,rss,args --sort=-rss | head")
        if (care := care_for(found, cause)) is not None:
            title, why, risk = with_care(cause.label, care, f"why {cause.label} holds so much memory")
            yield Suggestion(
                "memory", title, (holds, why, *evidence), f"a part of {size(cause.value)} free", risk, None, look,
                rank - 10.0 * place - _CAREFUL,
            )  # fmt: skip
            continue
        yield Suggestion(
            "memory",
            f"Restart {cause.label}, stop {_it(cause)}, or give {_it(cause)} a limit",
            (holds, *evidence),
            f"up to {size(cause.value)} free, less what it needs again or shares with others",
            MEDIUM,
            "high_memory",
            look,
            rank - 10.0 * place,
        )


def _leak(found: Found) -> Iterator[Suggestion]:
    for anomaly in found.open("process_memory_leak"):
        who = clean(anomaly.subject)
        title, evidence, risk = f"Plan a restart of {who}: it grows and does not shrink", said([anomaly]), MEDIUM
        care = of_subject(anomaly.subject, found.care)
        if care is not None:
            title, why, risk = with_care(who, care, f"why {who} grows and does not shrink")
            evidence = (*evidence, why)
        yield Suggestion(
            "memory",
            title,
            (*evidence, f"so for {ago(found, anomaly)}"),
            "its memory back to what it has after a start; it will grow again",
            risk,
            "memory_leak" if care is None else None,
            (),
            BY_SEVERITY[anomaly.severity],
        )


def _swap(found: Found) -> Iterator[Suggestion]:
    reading = found.readings["memory"]
    both = min(found.values.get("swap_in", 0.0), found.values.get("swap_out", 0.0))
    if both < THRASH_BPS:
        return
    yield Suggestion(
        "memory",
        "Need less memory at once: pages go out and come back",
        (*reading.saturation, *waited(found, "memory")),
        "work instead of swapping; a larger swap would not help",
        MEDIUM,
        "swap_thrash",
        ("vmstat 1 5", "swapon --show"),
        waiting_rank(found, "memory", reading.score) - 5.0,
    )


def _oom(found: Found) -> Iterator[Suggestion]:
    killed, episodes = found.host.oom_kills or 0, found.open("oom_killed")
    if not killed and not episodes:
        return
    just = (f"the kernel killed {killed} just now for lack of memory",) if killed else ()
    yield Suggestion(
        "memory",
        "See whom the kernel killed for lack of memory, and whether it has to be started again",
        (*just, *said(episodes)),
        "what was killed is back; that it happens again is prevented only by using less memory",
        LOW,
        "oom_killed",
        ("journalctl -k -b --grep 'Out of memory|oom-kill'",),
        at_least(85.0 if killed else 0.0, episodes),
    )


def _io(found: Found) -> Iterator[Suggestion]:
    reading = found.readings["io"]
    if reading.score < WAITS["io"]:
        return
    drive = clean(reading.subject)
    busy = (f"{drive} {reading.utilisation:.0f} % busy",) if drive and reading.utilisation is not None else ()
    evidence = (*waited(found, "io"), *busy, *reading.saturation)
    rank = waiting_rank(found, "io", reading.score)
    look = ("iostat -x 1 5", "pidstat -d 1 5")
    moving = [cause for cause in of_resource(found, "io", "process", "group") if cause.value]
    users = [cause for cause in moving if (care := care_for(found, cause)) is None or not care.kernel]
    worth = [cause for cause in users[:2] if (cause.value or 0) >= _OF_THE_FIRST * (users[0].value or 0)]
    for place, cause in enumerate(worth):
        title, risk = f"Lower the I/O priority of {cause.label}, or let {_it(cause)} run later", LOW
        effect = "the others' requests come first (ionice), where the drive's scheduler knows priorities"
        who: tuple[str, ...] = (f"{cause.label} moves {rate(cause.value or 0)}{_with(cause)}",)
        care = care_for(found, cause)
        if care is not None:
            title, why, risk = with_care(cause.label, care, f"what {cause.label} reads and writes so much for")
            who, effect = (*who, why), "shorter waits for all others"
        yield Suggestion(
            "I/O",
            title,
            (*who, *evidence),
            effect,
            risk,
            "io_saturation" if care is None else None,
            (*_look_at(cause, ""), *look),
            rank - 10.0 * place - (_CAREFUL if care is not None else 0.0),
        )
    if users:
        return
    evidence += tuple(
        f"{cause.label}, the kernel itself, moves {rate(cause.value or 0)} for others" for cause in moving[:1]
    )
    waiting = ", ".join(cause.label for cause in of_resource(found, "io", "process"))
    yield Suggestion(
        "I/O",
        f"Find who keeps {drive or 'the drives'} busy; what may wait, run later or with a lower I/O priority",
        (*evidence, f"waiting just now: {waiting}" if waiting else "who it is cannot be seen from here"),
        "shorter waits for all others",
        LOW,
        "io_saturation",
        look,
        rank,
    )


def _network(found: Found) -> Iterator[Suggestion]:
    episodes = {each.subject: each for each in found.open("network_errors")}
    evidence: dict[str, list[str]] = {}
    for prefix, words in (("net_errors:", "packets/s damaged"), ("net_drops:", "packets/s dropped")):
        for name, packets in lost(found.values, found.host, prefix):
            evidence.setdefault(name, []).append(f"{packets:.0f} {words} on {clean(name)}, {found.over}")
    for name in sorted({*evidence, *episodes}):
        known = [episodes[name]] if name in episodes else []
        damaged = found.values.get(f"net_errors:{name}", 0.0) >= PACKETS
        quoted = quoted_name(name)
        yield Suggestion(
            "network",
            f"Check cable, port and driver of {clean(name)}" if damaged else f"See why {clean(name)} loses packets",
            (*evidence.get(name, ()), *said(known)),
            "no more resending; which side is at fault is not visible from here",
            LOW,
            "network_errors",
            (f"ip -s -s link show dev {quoted}", f"ethtool -S {quoted}") if quoted else (),
            at_least((65.0 if damaged else 50.0) if name in evidence else 0.0, known),
        )


_WAITED_FOR = (_cpu, _steal, _memory, _swap, _io, _network)
_RUNNING_OUT = (
    shortages.space, shortages.filling, shortages.drive_health, shortages.deleted,
    shortages.zombies, shortages.files, shortages.forks,
)  # fmt: skip
