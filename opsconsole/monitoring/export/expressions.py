"""PromQL for each kind of anomaly, over what is exported; values in Prometheus' base units.

Prometheus cannot see why a busy resource is no problem, nor leaks, runs and what is unusual: for such kinds the
console's own verdict, `opsconsole_anomalies`, is asked.
"""

from __future__ import annotations

from typing import NamedTuple

MIB = 1024**2


class Expression(NamedTuple):
    """`promql` with {m} where label matchers go; `scale` turns the kind's unit into the expression's. `label` holds
    the kind's subject; empty: it is about the host. `level` takes {m} and {v} where a comparison is not enough."""

    promql: str
    scale: float = 1.0
    label: str = ""
    level: str = ""


_PERCENT = 0.01
_AVAILABLE = "node_filesystem_avail_bytes{m}"
_OURS = "and on (job, instance) opsconsole_build_info"
"""Not of every node_exporter that the same Prometheus scrapes."""
_WRITABLE = f"and node_filesystem_readonly{{m}} == 0 {_OURS}"
_USED = "(node_filesystem_size_bytes{m} - node_filesystem_free_bytes{m})"
_BAD = "(opsconsole_network_errors_per_second{m} + opsconsole_network_drops_per_second{m})"

EXPRESSIONS = {
    "cpu_high": Expression("opsconsole_cpu_usage_ratio{m}", _PERCENT),
    "cpu_spike": Expression(
        "opsconsole_cpu_usage_ratio{m} - avg_over_time(opsconsole_cpu_usage_ratio{m}[1h])", _PERCENT,
        level="{e} > {v} and opsconsole_cpu_usage_ratio{m} > 0.5",
    ),
    "cpu_steal": Expression('opsconsole_cpu_mode_ratio{m:mode="steal"}', _PERCENT),
    "cpu_throttled": Expression("opsconsole_cpu_throttled_ratio{m}", _PERCENT),
    "cpu_pressure": Expression('opsconsole_pressure_ratio{m:resource="cpu",kind="some"}', _PERCENT),
    "load_high": Expression("node_load1{m} / opsconsole_cpu_cores{m}"),
    "memory_high": Expression("opsconsole_memory_used_ratio{m}", _PERCENT),
    "memory_pressure": Expression('opsconsole_pressure_ratio{m:resource="memory",kind="full"}', _PERCENT),
    "swap_thrash": Expression(
        "2 * opsconsole_swap_in_bytes_per_second{m}", MIB,
        level="{e} > {v} and 2 * opsconsole_swap_out_bytes_per_second{m} > {v}",
    ),
    "disk_full": Expression(
        f"{_USED} / ({_USED} + {_AVAILABLE})", _PERCENT, "mountpoint", f"({{e}} > {{v}}) {_WRITABLE}"
    ),
    "disk_fill_rate": Expression(
        _AVAILABLE, 1.0, "mountpoint", f"predict_linear({_AVAILABLE}[30m], {{v}}) <= 0 {_WRITABLE}"
    ),
    "inode_full": Expression(
        "1 - node_filesystem_files_free{m} / node_filesystem_files{m}", _PERCENT, "mountpoint",
        f"({{e}} > {{v}}) {_WRITABLE}",
    ),
    "io_pressure": Expression('opsconsole_pressure_ratio{m:resource="io",kind="full"}', _PERCENT),
    "drive_latency": Expression("opsconsole_drive_latency_seconds{m}", 0.001, "device"),
    "drive_saturated": Expression("opsconsole_drive_busy_ratio{m}", _PERCENT, "device"),
    "network_errors": Expression(
        f"{_BAD} / (opsconsole_network_receive_packets_per_second{{m}}"
        f" + opsconsole_network_transmit_packets_per_second{{m}} + {_BAD})",
        _PERCENT, "device", f"({{e}} > {{v}}) and {_BAD} >= 1",
    ),
    "fd_exhaustion": Expression(
        "node_filefd_allocated{m} / node_filefd_maximum{m}", _PERCENT, level=f"({{e}} > {{v}}) {_OURS}"
    ),
    "process_cpu_high": Expression("opsconsole_process_cpu_ratio{m}", _PERCENT, "name"),
    "process_memory_high": Expression(
        "opsconsole_process_resident_memory_bytes{m}"
        " / on (job, instance) group_left () opsconsole_memory_total_bytes", _PERCENT, "name",
    ),
    "zombie_processes": Expression("opsconsole_zombie_processes{m}"),
}  # fmt: skip


def expression(kind: str) -> Expression | None:
    """None: the console's own verdict is asked."""
    return EXPRESSIONS.get(kind)


def filled(text: str, matchers: str, *, inner: str = "", value: str = "") -> str:
    """The PromQL with its placeholders replaced: {m}, {m:OWN MATCHERS}, {e} by `inner`, {v} by `value`."""
    made, rest = "", text
    while rest:
        before, opened, after = rest.partition("{")
        made += before
        if not opened:
            break
        inside, _, rest = after.partition("}")
        what, _, own = inside.partition(":")
        if what == "m":
            both = ",".join(part for part in (own, matchers) if part)
            made += f"{{{both}}}" if both else ""
        else:
            made += {"e": inner, "v": value}[what]
    return made
