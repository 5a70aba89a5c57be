#!/usr/bin/env bash
# Show failed logins and errors from the journal and the log files, and say which could not be read.
# Usage: log_errors.sh [HOURS [LINES]]
#
# HOURS is how far back the journal is read (default 24); LINES how many lines of each kind are shown
# (default 5). Log files have no common time format: of each the last 20000 lines are read.
# LOG_DIR (default /var/log) is where the files lie.
# Exit: 0 at least one source was read, 1 none could be, 2 wrong arguments.
set -euo pipefail
export LC_ALL=C

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

[[ ${1-} == --help ]] && { usage; exit 0; }
hours=${1-24}
lines=${2-5}
if (($# > 2)) || [[ ! $hours =~ ^[1-9][0-9]{0,4}$ || ! $lines =~ ^[1-9][0-9]{0,4}$ ]]; then
    usage >&2
    exit 2
fi

log_dir=${LOG_DIR:-/var/log}
login_pattern='failed password|authentication failure|invalid user|failed login|incorrect password'
error_pattern='error|fail(ed|ure)|panic|segfault|out of memory|oom-kill|critical'
unread=()
read_count=0
matches=$(mktemp)
trap 'rm -f -- "$matches"' EXIT

# summarise LABEL PATTERN: count, repeated origins and last lines of what matches on stdin.
summarise() {
    local count
    grep -aiE -- "$2" >"$matches" || true
    count=$(wc -l <"$matches")
    printf '  %s: %d lines\n' "$1" "$count"
    ((count > 0)) || return 0
    { grep -oE '(from |rhost=)[0-9a-fA-F.:]+[.:][0-9a-fA-F.:]+' "$matches" || true; } |
        sed -E 's/^(from |rhost=)//' | sort | uniq -c | sort -rn | sed -n '1,5s/^ */    origin, times: /p'
    tail -n "$lines" "$matches" | cut -c 1-300 | cat -v | sed 's/^/    /'
}

read_journal() {
    if ! command -v journalctl >/dev/null; then
        unread+=("journal: journalctl is not installed")
    elif [[ -z $(timeout 20 journalctl --system -q -n 1 -o cat 2>/dev/null || true) ]]; then
        unread+=("journal: empty, or closed to $(id -un) (members of adm or systemd-journal may read it)")
    else
        read_count=$((read_count + 1))
        echo "journal, last $hours h"
        journal -p notice | summarise "failed logins" "$login_pattern"
        journal -p err | summarise "errors" .
    fi
}

journal() {
    timeout 60 journalctl --system -q --no-pager -o short-iso -S "-${hours}h" "$@" 2>/dev/null || true
}

# read_file NAME LABEL PATTERN
read_file() {
    local file=$log_dir/$1
    if [[ ! -e $file ]]; then
        unread+=("$file: does not exist")
    elif [[ ! -f $file || ! -r $file ]]; then
        unread+=("$file: not readable by $(id -un)")
    else
        read_count=$((read_count + 1))
        printf '%s\n' "$file"
        tail -n 20000 -- "$file" | summarise "$2" "$3"
    fi
}

# dpkg.log tells every step; a package whose last step is not an end state was left half-way.
read_dpkg() {
    local file=$log_dir/dpkg.log
    [[ -f $file && -r $file ]] || { unread+=("$file: does not exist or not readable by $(id -un)"); return; }
    read_count=$((read_count + 1))
    printf '%s\n' "$file"
    tail -n 20000 -- "$file" | awk '
        $3 == "status" { state[$5] = $4; when[$5] = $1 " " $2 }
        END {
            for (package in state)
                if (state[package] !~ /^(installed|not-installed|config-files)$/)
                    print when[package], package, state[package]
        }' | sort | summarise "packages left half-way" .
}

read_journal
read_file auth.log "failed logins" "$login_pattern"
read_file syslog "errors" "$error_pattern"
read_file kern.log "errors" "$error_pattern"
read_dpkg

for reason in "${unread[@]}"; do
    printf 'could not read %s\n' "$reason"
done
if ((read_count == 0)); then
    echo "log_errors: nothing could be read, so nothing is known" >&2
    exit 1
fi
