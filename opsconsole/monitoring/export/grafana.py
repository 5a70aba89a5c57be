"""A dashboard for Grafana (10.4 and later) over what is exported; import it and choose the data source."""

from __future__ import annotations

from typing import Any

SCHEMA = 39
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDE = 24
_I = 'instance=~"$instance"'
_ROOM = 8
_ANOMALIES = f"sum by (kind, severity) (opsconsole_anomalies{{{_I}}})"

_Query = tuple[str, str]
"""PromQL, legend."""

_STATS: tuple[tuple[str, str, str], ...] = (
    ("Open anomalies", f"sum(opsconsole_anomalies_open{{{_I}}})", "none"),
    ("CPU", f"avg(opsconsole_cpu_usage_ratio{{{_I}}})", "percentunit"),
    ("Memory", f"avg(opsconsole_memory_used_ratio{{{_I}}})", "percentunit"),
    ("Load a core", f"avg(node_load1{{{_I}}} / opsconsole_cpu_cores{{{_I}}})", "none"),
    ("Tasks running", f'sum(opsconsole_tasks{{{_I},status="running"}})', "none"),
    ("Age of the sample", f"max(time() - opsconsole_sample_timestamp_seconds{{{_I}}})", "s"),
)

_GRAPHS: tuple[tuple[str, str, tuple[_Query, ...]], ...] = (
    ("CPU by mode", "percentunit", (
        (f"opsconsole_cpu_usage_ratio{{{_I}}}", "used"),
        (f"opsconsole_cpu_mode_ratio{{{_I}}}", "{{mode}}"),
        (f"opsconsole_short_lived_cpu_ratio{{{_I}}}", "short-lived processes (of a core)"),
        (f"opsconsole_cpu_throttled_ratio{{{_I}}}", "throttled (of the time)"),
    )),
    ("CPU by core", "percentunit", ((f"opsconsole_cpu_core_usage_ratio{{{_I}}}", "{{cpu}}"),)),
    ("Load", "none", (
        (f"node_load1{{{_I}}}", "1 min"), (f"node_load5{{{_I}}}", "5 min"), (f"node_load15{{{_I}}}", "15 min"),
        (f"opsconsole_cpu_cores{{{_I}}}", "cores"),
    )),
    ("Waiting (PSI)", "percentunit", ((f"opsconsole_pressure_ratio{{{_I}}}", "{{resource}} {{kind}}"),)),
    ("Memory", "bytes", (
        (f"opsconsole_memory_total_bytes{{{_I}}}", "total"),
        (f"opsconsole_memory_total_bytes{{{_I}}} - opsconsole_memory_available_bytes{{{_I}}}", "used"),
        (f"opsconsole_memory_cached_bytes{{{_I}}}", "cached"),
        (f"node_memory_SwapTotal_bytes{{{_I}}} - node_memory_SwapFree_bytes{{{_I}}}", "swap used"),
    )),
    ("Swapping", "Bps", (
        (f"opsconsole_swap_in_bytes_per_second{{{_I}}}", "in"),
        (f"opsconsole_swap_out_bytes_per_second{{{_I}}}", "out"),
    )),
    ("File systems used", "percentunit", (
        (f"1 - node_filesystem_avail_bytes{{{_I}}} / node_filesystem_size_bytes{{{_I}}}", "{{mountpoint}}"),
    )),
    ("Inodes used", "percentunit", (
        (f"1 - node_filesystem_files_free{{{_I}}} / node_filesystem_files{{{_I}}}", "{{mountpoint}}"),
    )),
    ("Drive throughput", "Bps", (
        (f"opsconsole_drive_read_bytes_per_second{{{_I}}}", "{{device}} read"),
        (f"opsconsole_drive_write_bytes_per_second{{{_I}}}", "{{device}} write"),
    )),
    ("Drive requests", "iops", (
        (f"opsconsole_drive_reads_per_second{{{_I}}}", "{{device}} read"),
        (f"opsconsole_drive_writes_per_second{{{_I}}}", "{{device}} write"),
    )),
    ("Drive busy", "percentunit", ((f"opsconsole_drive_busy_ratio{{{_I}}}", "{{device}}"),)),
    ("Drive latency", "s", ((f"opsconsole_drive_latency_seconds{{{_I}}}", "{{device}}"),)),
    ("Network", "Bps", (
        (f"rate(node_network_receive_bytes_total{{{_I}}}[$__rate_interval])", "{{device}} in"),
        (f"rate(node_network_transmit_bytes_total{{{_I}}}[$__rate_interval])", "{{device}} out"),
    )),
    ("Network errors and drops", "pps", (
        (f"opsconsole_network_errors_per_second{{{_I}}}", "{{device}} errors"),
        (f"opsconsole_network_drops_per_second{{{_I}}}", "{{device}} drops"),
    )),
    ("Processes by CPU", "percentunit", ((f"opsconsole_process_cpu_ratio{{{_I}}}", "{{name}}"),)),
    ("Processes by memory", "bytes", ((f"opsconsole_process_resident_memory_bytes{{{_I}}}", "{{name}}"),)),
    ("Processes", "none", (
        (f"opsconsole_processes{{{_I}}}", "processes"), (f"opsconsole_threads{{{_I}}}", "threads"),
        (f"node_procs_running{{{_I}}}", "runnable"), (f"node_procs_blocked{{{_I}}}", "blocked"),
        (f"opsconsole_zombie_processes{{{_I}}}", "zombies"), (f"opsconsole_forks_per_second{{{_I}}}", "forks/s"),
    )),
    ("Open files", "none", (
        (f"node_filefd_allocated{{{_I}}}", "open"), (f"node_filefd_maximum{{{_I}}}", "at most"),
    )),
    ("Temperatures", "celsius", ((f"opsconsole_temperature_celsius{{{_I}}}", "{{sensor}}"),)),
    ("Tasks", "none", ((f"opsconsole_tasks{{{_I}}}", "{{status}}"),)),
    ("Anomalies", "none", ((_ANOMALIES, "{{kind}} {{severity}}"),)),
)  # fmt: skip


def dashboard() -> dict[str, Any]:
    """The dashboard's JSON model."""
    panels: list[dict[str, Any]] = []
    width = _WIDE // len(_STATS)
    for place, (title, promql, unit) in enumerate(_STATS):
        panels.append(_panel("stat", title, unit, ((promql, ""),), (place * width, 0, width, 4)))
    for place, (title, unit, queries) in enumerate(_GRAPHS):
        at = (place % 2 * _WIDE // 2, 4 + place // 2 * _ROOM, _WIDE // 2, _ROOM)
        panels.append(_panel("timeseries", title, unit, queries, at))
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    return {
        "id": None,
        "uid": "opsconsole",
        "title": "opsconsole",
        "tags": ["opsconsole"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "weekStart": "",
        "links": [],
        "annotations": {"list": [_episodes()]},
        "templating": {"list": [_data_source(), _instance()]},
        "panels": panels,
    }


def _panel(
    kind: str, title: str, unit: str, queries: tuple[_Query, ...], at: tuple[int, int, int, int]
) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": unit, "min": 0}
    if unit == "celsius":
        del defaults["min"]
    if kind == "timeseries":
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never", "spanNulls": False}
        options: dict[str, Any] = {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
    else:
        options = {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value", "graphMode": "area", "orientation": "auto", "textMode": "auto",
        }  # fmt: skip
    x, y, width, height = at
    return {
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + number), "datasource": _SOURCE, "editorMode": "code", "range": True,
                "expr": promql, "legendFormat": legend or "__auto",
            }
            for number, (promql, legend) in enumerate(queries)
        ],
    }  # fmt: skip


def _data_source() -> dict[str, Any]:
    return {
        "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {},
        "hide": 0, "includeAll": False, "multi": False, "options": [], "refresh": 1, "regex": "",
        "skipUrlSync": False,
    }  # fmt: skip


def _instance() -> dict[str, Any]:
    query = "label_values(opsconsole_build_info, instance)"
    return {
        "name": "instance", "label": "Host", "type": "query", "datasource": _SOURCE, "definition": query,
        "query": {"query": query, "refId": "StandardVariableQuery"}, "current": {}, "hide": 0, "includeAll": True,
        "allValue": ".*", "multi": True, "options": [], "refresh": 2, "regex": "", "skipUrlSync": False, "sort": 1,
    }  # fmt: skip


def _episodes() -> dict[str, Any]:
    return {
        "name": "Anomalies", "datasource": _SOURCE, "enable": True, "hide": False, "iconColor": "red",
        "expr": f"{_ANOMALIES} > 0", "step": "60s", "titleFormat": "{{kind}}", "textFormat": "{{severity}}",
        "tagKeys": "severity", "useValueForTime": False,
    }  # fmt: skip
