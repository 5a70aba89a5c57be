#!/bin/sh
# Run a long job with a progress line for each step, to see how a run is watched, limited and stopped.
# Usage: long_job.sh [STEPS [SECONDS_PER_STEP]]
#
# Default: 20 steps of 1 second; a fraction such as 0.2 is a valid length. Half-way one warning goes to stderr.
# Exit: 0 all steps done, 2 wrong arguments, 129, 130 or 143 stopped by HUP, INT or TERM.
set -eu

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"; }

if [ "${1-}" = --help ]; then usage; exit 0; fi
steps=${1-20}
seconds=${2-1}
case $steps in
    '' | *[!0-9]* | 0*) usage >&2; exit 2 ;;
esac
case $seconds in
    '' | . | *[!0-9.]* | *.*.*) usage >&2; exit 2 ;;
esac
[ "$#" -le 2 ] || { usage >&2; exit 2; }

step=0
sleeping=

# stopped SIGNAL STATUS: say how far the job came; the steps done stay done.
stopped() {
    trap - HUP INT TERM
    # KILL, and $! itself: the signal may come before the child is a sleep, or before its number was kept.
    if [ -n "$sleeping" ] && [ -n "${!:-}" ]; then
        kill -KILL "$!" 2>/dev/null || true
        wait "$!" 2>/dev/null || true
    fi
    printf 'stopped by %s after %d of %d steps; nothing left behind\n' "$1" "$step" "$steps"
    exit "$2"
}
trap 'stopped HUP 129' HUP
trap 'stopped INT 130' INT
trap 'stopped TERM 143' TERM

printf 'starting: %d steps of %s s, process %d\n' "$steps" "$seconds" "$$"
while [ "$step" -lt "$steps" ]; do
    # In the background, because a trap waits for a command in the foreground.
    sleeping=yes
    sleep "$seconds" &
    wait "$!"
    sleeping=
    step=$((step + 1))
    printf 'step %d of %d done (%d %%)\n' "$step" "$steps" "$((step * 100 / steps))"
    if [ "$step" -eq "$(((steps + 1) / 2))" ]; then
        printf 'warning: half-way, step %d of %d (an example of a line on stderr)\n' "$step" "$steps" >&2
    fi
done
printf 'finished: %d steps\n' "$steps"
