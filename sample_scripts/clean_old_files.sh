#!/usr/bin/env bash
# Report old temporary and log files below DIR, and delete them only when told to.
# Usage: clean_old_files.sh [--apply] [DIR [DAYS]]
#
# DIR defaults to /tmp, DAYS to 14: files named *.tmp, *.temp, *.log or *.log.* that nobody wrote for so long.
# Without --apply nothing is changed. Symbolic links are neither followed nor deleted, other file systems
# are not entered, and the system's own directories are refused.
# Exit: 0 done (places closed to this user are counted), 1 some files could not be deleted, 2 refused or wrong
# arguments.
set -euo pipefail

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }
refuse() { printf 'clean_old_files: refused: %q: %s\n' "$1" "$2" >&2; exit 2; }

apply=no
arguments=()
options=yes
for argument in "$@"; do
    case $options$argument in
        yes--help) usage; exit 0 ;;
        yes--apply) apply=yes ;;
        yes--) options=no ;;
        yes-*) usage >&2; exit 2 ;;
        *) arguments+=("$argument") ;;
    esac
done
((${#arguments[@]} <= 2)) || { usage >&2; exit 2; }
dir=${arguments[0]-/tmp}
days=${arguments[1]-14}

[[ $days =~ ^[1-9][0-9]{0,4}$ ]] || refuse "$days" "DAYS must be a whole number above 0"
[[ -n $dir ]] || refuse "$dir" "the directory is empty text"
stripped=$dir
while [[ $stripped == ?*/ ]]; do stripped=${stripped%/}; done
[[ -L $stripped ]] && refuse "$dir" "a symbolic link"
[[ -d $dir ]] || refuse "$dir" "not a directory"
root=$(realpath -e -- "$dir" && printf x) # the x keeps a line break at the end of the name
root=${root%$'\n'x}
case $root/ in
    / | // | /home/ | /root/ | /var/ | /bin/* | /boot/* | /dev/* | /etc/* | /lib/* | /lib32/* | /lib64/* | /proc/* | /sbin/* | /sys/* | /usr/*)
        refuse "$root" "not a place for temporary files" ;;
esac
[[ $root == "${HOME:-/}" ]] && refuse "$root" "a whole home directory"

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

# find deletes relative to the directory it stands in, so a directory swapped for a link cannot lead it astray;
# -printf after -delete only names what is really gone.
action=()
[[ $apply == yes ]] && action=(-delete)
LC_ALL=C find -P "$root" -depth -xdev -type f -mmin "+$((days * 1440))" \
    \( -name '*.tmp' -o -name '*.temp' -o -name '*.log' -o -name '*.log.*' \) \
    "${action[@]}" -printf '%b %TY-%Tm-%Td %p\0' \
    >"$scratch/found" 2>"$scratch/errors" || true

count=0
blocks=0
while IFS=' ' read -r -d '' size day path; do
    count=$((count + 1))
    blocks=$((blocks + size))
    printf '%10d KiB  %s  %q\n' "$((size / 2))" "$day" "$path"
done <"$scratch/found"

if [[ -s $scratch/errors ]]; then
    echo "$(wc -l <"$scratch/errors") places could not be read or files not deleted, for example:" >&2
    head -n 3 "$scratch/errors" | cat -v >&2
fi
verb="would be deleted (nothing was changed; --apply deletes)"
[[ $apply == yes ]] && verb="deleted"
printf 'total: %d files older than %d days, %d KiB, %s\n' "$count" "$days" "$((blocks / 2))" "$verb"
# The exit code: was something asked for and not done?
! grep -q '^find: cannot delete' "$scratch/errors"
