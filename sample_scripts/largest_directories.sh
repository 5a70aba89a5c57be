#!/bin/sh
# Show the largest directories below DIR without leaving its file system.
# Usage: largest_directories.sh [DIR [N]]
#
# DIR is where to look (default /var), N how many to show (default 15). Sizes include what lies below.
# Exit: 0 shown (what could not be read is counted on stderr), 2 wrong arguments or nothing to look at.
set -eu

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }
fail() { printf 'largest_directories: %s\n' "$1" >&2; exit 2; }
printable() { cat -v; } # a directory's name may hold escape sequences

if [ "${1-}" = --help ]; then usage; exit 0; fi
[ "$#" -le 2 ] || { usage >&2; exit 2; }
dir=${1-/var}
count=${2-15}
case $count in
    '' | *[!0-9]* | 0*) fail "N must be a whole number above 0" ;;
esac
case $dir in
    /*) ;;
    *) dir=./$dir ;; # so that a name such as "-rf" stays a name
esac
[ -d "$dir" ] || fail "not a directory: $(printf '%s' "$dir" | printable)"
{ [ -r "$dir" ] && [ -x "$dir" ]; } || fail "not readable by this user: $(printf '%s' "$dir" | printable)"

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# -D: DIR itself may be a symbolic link, those below it are not followed. -0: names may hold line breaks.
du -xkD0 -- "$dir" >"$scratch/sizes" 2>"$scratch/errors" || true
[ -s "$scratch/sizes" ] || fail "du gave no answer"

printf '%10s  %s\n' SIZE DIRECTORY
sort -zrn "$scratch/sizes" | head -zn "$count" | tr '\n\0' '?\n' | awk '
    BEGIN { split("K M G T P", unit, " ") }
    {
        size = $1
        for (u = 1; size >= 1024 && u < 5; u++) size /= 1024
        sub(/^[0-9]+\t/, "")
        printf "%8.1f %s  %s\n", size, unit[u], $0
    }' | printable

unread=$(wc -l <"$scratch/errors")
if [ "$unread" -gt 0 ]; then
    printf 'incomplete: %d places could not be read by this user, for example:\n' "$unread" >&2
    head -n 3 "$scratch/errors" | printable >&2
fi
