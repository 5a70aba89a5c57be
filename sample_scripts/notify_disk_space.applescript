#!/usr/bin/osascript
# Notify when a local disk of this Mac is nearly full, and return what was found as text.
# Usage: osascript notify_disk_space.applescript [PERCENT]
#
# PERCENT is the limit, 1 to 100 (default 85). For macOS. Without a desktop session (over SSH) nothing can be
# shown: the text alone is the answer then.
# Exit: 0 looked, 1 wrong argument or df failed (osascript shows the error).

on run argv
	set threshold to 85
	if class of argv is list and (count of argv) > 0 then
		try
			set threshold to (item 1 of argv) as integer
		on error
			error "PERCENT must be a whole number" number 64
		end try
	end if
	if threshold < 1 or threshold > 100 then error "PERCENT must be 1 to 100" number 64

	set fullDisks to disksFullerThan(threshold)
	if fullDisks is "" then return "OK: no local disk is more than " & threshold & " % full"

	set answer to "WARN: more than " & threshold & " % full:" & linefeed & fullDisks
	try
		display notification fullDisks with title "Disk space" subtitle ((threshold as text) & " % exceeded")
	on error reason
		set answer to answer & linefeed & "(no notification: " & reason & ")"
	end try
	return answer
end run

-- A line "91 % /Volumes/Backup" for each disk over the threshold, a whole number. The helper volumes below
-- /System/Volumes share their space with Data and are left out; control characters in names become "?".
on disksFullerThan(threshold)
	set filter to "NR > 1 && $1 ~ \"^/dev/\" {
		percent = $5; sub(/%/, \"\", percent)
		mount = $6; for (i = 7; i <= NF; i++) mount = mount \" \" $i
		if (mount ~ \"^/System/Volumes/\" && mount != \"/System/Volumes/Data\") next
		gsub(/[[:cntrl:]]/, \"?\", mount)
		if (percent + 0 > threshold) print percent \" % \" mount
	}"
	return do shell script "/bin/df -Pkl | /usr/bin/awk -v threshold=" & threshold & " " & quoted form of filter without altering line endings
end disksFullerThan
