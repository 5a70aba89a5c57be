#!/usr/bin/env bash
# Summarise the health of this host: load, memory, swap, pressure, disks, units, zombies, OOM kills.
# Usage: system_health.sh [--help]
#
# The last line is the verdict: "OK: ...", "WARN: reasons" or "CRIT: reasons".
# Exit: 0 the host was looked at, whatever the verdict; 2 it could not be.
# PROC_ROOT (default /proc) is where the kernel's figures are read.
set -euo pipefail
export LC_ALL=C

if (($# > 0)); then
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
    [[ $1 == --help ]] && exit 0
    exit 2
fi

proc=${PROC_ROOT:-/proc}
if [[ ! -r $proc/loadavg || ! -r $proc/meminfo ]]; then
    echo "system_health: cannot read $proc/loadavg and $proc/meminfo: this host cannot be judged" >&2
    exit 2
fi

warnings=()
criticals=()

show() { printf '%-10s %s\n' "$1" "$2"; }

# judge VALUE WARN CRIT REASON: keep REASON when the whole number VALUE reaches a limit.
judge() {
    if (($1 >= $3)); then
        criticals+=("$4")
    elif (($1 >= $2)); then
        warnings+=("$4")
    fi
}

check_load() {
    local load1 load5 load15 seconds cores
    read -r load1 load5 load15 _ <"$proc/loadavg"
    read -r seconds _ <"$proc/uptime" || seconds=0
    cores=$(getconf _NPROCESSORS_ONLN)
    seconds=${seconds%.*}
    show uptime "$((seconds / 86400)) d $((seconds % 86400 / 3600)) h $((seconds % 3600 / 60)) min"
    show load "$load1 $load5 $load15 on $cores cores"
    judge "$(awk -v l="$load5" -v c="$cores" 'BEGIN { print int(l * 100 / c) }')" 150 300 \
        "load $load5 over 5 min on $cores cores"
}

check_memory() {
    local total available swap_total swap_free used
    read -r total available swap_total swap_free < <(awk '
        { kib[$1] = $2 }
        END { print kib["MemTotal:"] + 0, kib["MemAvailable:"] + 0, kib["SwapTotal:"] + 0, kib["SwapFree:"] + 0 }
    ' "$proc/meminfo")
    ((total > 0)) || { show memory "not reported"; return; }
    used=$((100 - available * 100 / total))
    show memory "$used % used, $((available / 1024)) of $((total / 1024)) MiB available"
    judge "$used" 90 96 "memory $used % used"
    ((swap_total > 0)) || { show swap none; return; }
    used=$((100 - swap_free * 100 / swap_total))
    show swap "$used % used of $((swap_total / 1024)) MiB"
    judge "$used" 80 101 "swap $used % used"
}

# Share of the last minute in which tasks stood still, waiting for the resource.
check_pressure() {
    local resource kind warn crit share
    while read -r resource kind warn crit; do
        share=$(awk -v k="$kind" '$1 == k { print int(substr($3, 7)) }' "$proc/pressure/$resource" 2>/dev/null) ||
            share=
        [[ -n $share ]] || { show pressure "$resource: this kernel does not say"; continue; }
        show pressure "$resource: $kind tasks waited $share % of the last minute"
        judge "$share" "$warn" "$crit" "$resource pressure $share %"
    done <<<$'cpu some 60 101\nmemory full 10 30\nio full 25 60'
}

check_disks() {
    local table space inodes mount count=0
    # df already shows control characters in mount points as "?"; a dead mount must not hang us.
    table=$(timeout 10 df -l -x squashfs -x iso9660 -x devtmpfs -x efivarfs \
        --output=pcent,ipcent,target 2>/dev/null) || true
    while read -r space inodes mount; do
        count=$((count + 1))
        space=${space%\%} inodes=${inodes%\%}
        [[ $space =~ ^[0-9]+$ ]] || space=0
        [[ $inodes =~ ^[0-9]+$ ]] || inodes=0
        ((space > 85 || inodes > 85)) && show disk "$mount: space $space %, inodes $inodes %"
        judge "$space" 86 96 "$mount $space % full"
        judge "$inodes" 86 96 "$mount has $inodes % of its inodes in use"
    done < <(tail -n +2 <<<"$table")
    ((count > 0)) || warnings+=("disks unknown: df gave no answer")
    show disks "$count file systems looked at"
}

check_units() {
    local failed
    if [[ ! -d /run/systemd/system ]] || ! command -v systemctl >/dev/null; then
        show units "systemd does not run here"
    elif ! failed=$(timeout 10 systemctl list-units --failed --plain --no-legend --no-pager 2>/dev/null); then
        show units "systemctl gave no answer"
    else
        failed=$(awk '{ printf "%s%s", sep, $1; sep = " " }' <<<"$failed" | cat -v)
        show units "failed: ${failed:-none}"
        [[ -z $failed ]] || warnings+=("failed units: $failed")
    fi
}

check_processes() {
    local zombies killed victim
    zombies=$(printf '%s\0' "$proc"/[0-9]*/status | { xargs -0 grep -ls '^State:[[:space:]]*Z' || true; } | wc -l)
    show zombies "$zombies"
    judge "$zombies" 10 1000000 "$zombies zombies"
    killed=$(awk '$1 == "oom_kill" { print $2 }' "$proc/vmstat" 2>/dev/null) || killed=
    show "OOM kills" "${killed:-unknown: this kernel does not count them} (since boot)"
    ((${killed:-0} == 0)) && return
    judge "$killed" 1 1000000 "$killed OOM kills since boot"
    victim=$({ dmesg 2>/dev/null || timeout 10 journalctl -kq 2>/dev/null || true; } |
        grep -aE 'Out of memory|oom-kill' | tail -n 1 | cat -v) || true
    show "last one" "${victim:-the kernel log does not tell this user}"
}

check_load
check_memory
check_pressure
check_disks
check_units
check_processes

reasons=$(printf '%s; ' "${criticals[@]}" "${warnings[@]}")
if ((${#criticals[@]} > 0)); then
    echo "CRIT: ${reasons%; }"
elif ((${#warnings[@]} > 0)); then
    echo "WARN: ${reasons%; }"
else
    echo "OK: nothing looked at is over its limit"
fi
