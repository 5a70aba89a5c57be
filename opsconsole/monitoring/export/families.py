"""The metrics that are exported: name → type and help.

A name of node_exporter's is used where it is the same figure; what is ours begins with `opsconsole_`. Rates of the
last interval are gauges (`_per_second`), because the sampler keeps no counter for them; shares are ratios (0–1), not
percent.
"""

from __future__ import annotations

from typing import NamedTuple


class Family(NamedTuple):
    type: str
    help: str


_G, _C = "gauge", "counter"

FAMILIES: dict[str, Family] = {
    "opsconsole_build_info": Family(_G, "Always 1; the version is a label."),
    "opsconsole_sample_timestamp_seconds": Family(_G, "When the host was looked at, seconds since the epoch."),
    "opsconsole_sample_interval_seconds": Family(_G, "Time since the look before; rates are over this."),
    # -- CPU
    "opsconsole_cpu_usage_ratio": Family(_G, "CPU used, of what this host or container may use."),
    "opsconsole_cpu_mode_ratio": Family(_G, "CPU time by mode, of all cores."),
    "opsconsole_cpu_core_usage_ratio": Family(_G, "CPU used, by core."),
    "opsconsole_cpu_cores": Family(_G, "Cores this host or container may use."),
    "opsconsole_cpu_throttled_ratio": Family(_G, "Time a container was held back by its CPU limit."),
    "node_load1": Family(_G, "1m load average."),
    "node_load5": Family(_G, "5m load average."),
    "node_load15": Family(_G, "15m load average."),
    "opsconsole_pressure_ratio": Family(
        _G, "Time in which some, or all (kind=full), tasks waited for a resource (PSI), since the last sample."
    ),
    # -- memory
    "opsconsole_memory_used_ratio": Family(_G, "Memory used (total - available), of this host or container."),
    "opsconsole_memory_total_bytes": Family(_G, "Memory of this host or container."),
    "opsconsole_memory_available_bytes": Family(_G, "Memory still available to this host or container."),
    "opsconsole_memory_cached_bytes": Family(_G, "Page cache and reclaimable slab."),
    "node_memory_MemTotal_bytes": Family(_G, "Memory information field MemTotal_bytes."),
    "node_memory_MemAvailable_bytes": Family(_G, "Memory information field MemAvailable_bytes."),
    "node_memory_SwapTotal_bytes": Family(_G, "Memory information field SwapTotal_bytes."),
    "node_memory_SwapFree_bytes": Family(_G, "Memory information field SwapFree_bytes."),
    "opsconsole_swap_in_bytes_per_second": Family(_G, "Read back from swap."),
    "opsconsole_swap_out_bytes_per_second": Family(_G, "Written to swap."),
    # -- file systems and drives
    "node_filesystem_size_bytes": Family(_G, "Filesystem size in bytes."),
    "node_filesystem_free_bytes": Family(_G, "Filesystem free space in bytes."),
    "node_filesystem_avail_bytes": Family(_G, "Filesystem space available to non-root users in bytes."),
    "node_filesystem_files": Family(_G, "Filesystem total file nodes."),
    "node_filesystem_files_free": Family(_G, "Filesystem total free file nodes."),
    "node_filesystem_readonly": Family(_G, "Filesystem read-only status."),
    "opsconsole_drive_read_bytes_per_second": Family(_G, "Read from the drive."),
    "opsconsole_drive_write_bytes_per_second": Family(_G, "Written to the drive."),
    "opsconsole_drive_reads_per_second": Family(_G, "Read requests to the drive."),
    "opsconsole_drive_writes_per_second": Family(_G, "Write requests to the drive."),
    "opsconsole_drive_busy_ratio": Family(_G, "Time the drive had a request under way."),
    "opsconsole_drive_latency_seconds": Family(_G, "Mean duration of the requests that ended."),
    # -- network
    "node_network_receive_bytes_total": Family(_C, "Network device statistic receive_bytes."),
    "node_network_transmit_bytes_total": Family(_C, "Network device statistic transmit_bytes."),
    "opsconsole_network_receive_packets_per_second": Family(_G, "Packets received."),
    "opsconsole_network_transmit_packets_per_second": Family(_G, "Packets sent."),
    "opsconsole_network_errors_per_second": Family(_G, "Damaged packets, both directions."),
    "opsconsole_network_drops_per_second": Family(_G, "Dropped packets, both directions."),
    # -- kernel and processes
    "node_filefd_allocated": Family(_G, "File descriptor statistics: allocated."),
    "node_filefd_maximum": Family(_G, "File descriptor statistics: maximum."),
    "node_procs_running": Family(_G, "Number of processes in runnable state."),
    "node_procs_blocked": Family(_G, "Number of processes blocked waiting for I/O to complete."),
    "node_boot_time_seconds": Family(_G, "Node boot time, in unixtime."),
    "opsconsole_forks_per_second": Family(_G, "Processes and threads begun."),
    "opsconsole_processes": Family(_G, "Processes there are."),
    "opsconsole_threads": Family(_G, "Threads there are."),
    "opsconsole_zombie_processes": Family(_G, "Processes that have ended and that nobody has collected."),
    "opsconsole_short_lived_cpu_ratio": Family(_G, "Of one core: used by processes that no sample saw."),
    "opsconsole_temperature_celsius": Family(_G, "Temperature, by sensor."),
    "opsconsole_process_cpu_ratio": Family(_G, "CPU of the busiest and largest processes by name, in cores."),
    "opsconsole_process_resident_memory_bytes": Family(_G, "Memory of the busiest and largest processes by name."),
    "opsconsole_process_count": Family(_G, "How many processes have that name."),
    # -- ours
    "opsconsole_anomalies": Family(_G, "Open episodes, by kind and severity."),
    "opsconsole_anomalies_open": Family(_G, "Open episodes."),
    "opsconsole_tasks": Family(_G, "Tasks of this state directory, by status."),
}
