#!/bin/sh
# Find deleted files that a process still holds open: disk space that df counts and du cannot find.
# Usage: open_deleted_files.sh [MINIMUM_KIB]
#
# MINIMUM_KIB hides smaller files (default 0). A restart of the process, or a log rotation it notices, gives the
# space back. An ordinary user sees the own processes only; the rest is counted.
# Exit: 0 looked, 2 wrong arguments or no /proc.
set -eu
export LC_ALL=C

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

if [ "${1-}" = --help ]; then usage; exit 0; fi
minimum=${1-0}
case $minimum in
    '' | *[!0-9]*) usage >&2; exit 2 ;;
esac
[ "$#" -le 1 ] || { usage >&2; exit 2; }
[ -r /proc/self/fd ] || { echo "open_deleted_files: cannot read /proc" >&2; exit 2; }

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

closed=0
for fds in /proc/[0-9]*/fd; do
    [ -r "$fds" ] || closed=$((closed + 1))
done

# Names of memory, not of files on a disk, are left out. Processes end while we look: errors are expected.
find /proc/[0-9]*/fd -maxdepth 1 -lname '/* (deleted)' ! -lname '/memfd:*' ! -lname '/dev/shm/*' \
    ! -lname '/dev/zero*' ! -lname '/SYSV*' ! -lname '/\[*' -print 2>/dev/null >"$scratch/links" || true

while IFS= read -r link; do
    # Kind, blocks of 512 bytes, names left, identity. A name left elsewhere still accounts for the space.
    facts=$(stat -Lc '%F|%b %h %d:%i' -- "$link" 2>/dev/null) || continue
    case $facts in
        regular*file\|*' 0 '*) ;;
        *) continue ;;
    esac
    facts=${facts#*|}
    kib=$((${facts%% *} / 2))
    [ "$kib" -ge "$minimum" ] || continue
    process=${link#/proc/}
    process=${process%%/*}
    # tr first: a line break in a name must not make a line of its own.
    name=$(tr '\n\t' '??' 2>/dev/null <"/proc/$process/comm" | sed 's/?$//' | cat -v) || continue
    path=$(readlink -- "$link" 2>/dev/null | tr '\n\t' '??' | sed 's/?$//; s/ (deleted)$//' | cat -v) || continue
    printf '%d\t%s\t%s\t%s\t%s\n' "$kib" "${facts##* }" "$process" "$name" "$path"
done <"$scratch/links" >"$scratch/found"

printf '%12s  %8s  %-15s  %s\n' KIB PROCESS NAME 'DELETED FILE'
sort -rn "$scratch/found" | awk -F '\t' '
    !seen[$2]++ { total += $1; files++ }
    { printf "%12d  %8d  %-15s  %s\n", $1, $3, $4, $5 }
    END { printf "total: %d deleted files still hold %d KiB\n", files, total }'
[ "$closed" -eq 0 ] || printf 'not looked at: %d processes of other users\n' "$closed"
