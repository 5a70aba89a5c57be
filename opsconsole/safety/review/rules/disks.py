"""Disks and the files that the host starts from: overwritten, formatted, truncated."""

from __future__ import annotations

from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Script

_WRITING = frozenset({">", ">>", ">|", "&>", "&>>", ">&", "<>"})
_TRUNCATING = frozenset({">", ">|", "&>", ">&"})
_FORMATTERS = frozenset(
    """
    mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkfs.f2fs mke2fs mkswap
    wipefs shred blkdiscard badblocks hdparm sgdisk sfdisk parted cryptsetup pvcreate pvremove vgremove lvremove
    zpool mdadm nvme diskutil
""".split()
)
# What of a program destroys, where it is not all that it does.
_DESTROYS: dict[str, frozenset[str]] = {
    "wipefs": frozenset({"-a", "--all", "-af", "-fa", "-o"}),
    "badblocks": frozenset({"-w", "-wsv", "-wv", "-svw"}),
    "hdparm": frozenset({"--security-erase", "--trim-sector-ranges", "--security-erase-enhanced", "--make-bad-sector"}),
    "sgdisk": frozenset({"-Z", "--zap-all", "-z", "--zap", "-o", "--clear"}),
    "sfdisk": frozenset({"--delete", "--wipe"}),
    "parted": frozenset({"mklabel", "mktable", "rm"}),
    "cryptsetup": frozenset({"luksFormat", "erase", "luksErase"}),
    "mdadm": frozenset({"--zero-superblock"}),
    "nvme": frozenset({"format", "sanitize"}),
    "diskutil": frozenset({"eraseDisk", "zeroDisk", "secureErase", "partitionDisk", "eraseVolume"}),
}
_VOLUMES = frozenset({"pvcreate", "pvremove", "vgremove", "lvremove"})


@rule("disk-overwrite", Severity.CATASTROPHIC, "Writes over a disk")
def disk_overwrite(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "dd", "cp", "tee", "cat"):
        for word in call.args:
            target = word.text or ""
            if call.name == "dd":
                target = target.removeprefix("of=") if target.startswith("of=") else ""
            if reading.disk(target) and (call.name in ("dd", "tee") or (call.name == "cp" and word is call.args[-1])):
                yield script.finding(
                    "disk-overwrite", Severity.CATASTROPHIC, f"`{call.name}` writes over the disk {target}", word.span
                )
    for redirect in script.redirects:
        if redirect.op in _WRITING and reading.disk(redirect.word.text):
            message = f"`{redirect.op}` writes over the disk {redirect.word.text}"
            yield script.finding("disk-overwrite", Severity.CATASTROPHIC, message, redirect.span)


@rule("disk-format", Severity.CATASTROPHIC, "Formats or erases a disk")
def disk_format(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, *_FORMATTERS):
        name = reading.name_of(call)
        given = reading.texts(call)
        if name in _DESTROYS and not any(text.partition("=")[0] in _DESTROYS[name] for text in given):
            continue
        if name == "zpool" and given[:1] not in (["destroy"], ["labelclear"]):
            continue
        if {"-n", "--no-act", "--dry-run", "--help", "-V", "--version"} & set(given):
            continue
        target = next((text for text in given if reading.disk(text)), None)
        if target is not None:
            message = f"`{name}` erases {target}"
            yield script.finding("disk-format", Severity.CATASTROPHIC, message, call.span)
        elif name in _VOLUMES or name == "zpool" or (name != "shred" and _at_run_time(given)):
            message = f"`{name}` erases a disk or a volume: make sure which one it is"
            yield script.finding("disk-format", Severity.ERROR, message, call.span)


def _at_run_time(given: list[str]) -> bool:
    return any(text == "…" or (text.startswith("/dev/") and text.endswith("…")) for text in given)


@rule("system-file-overwrite", Severity.CATASTROPHIC, "Overwrites a file without which the host does not work")
def system_file(script: Script) -> Iterator[Finding]:
    for redirect in script.redirects:
        if redirect.op in _TRUNCATING and reading.system_file(redirect.word.text):
            message = f"`{redirect.op}` replaces all of {redirect.word.text}"
            yield script.finding("system-file-overwrite", Severity.CATASTROPHIC, message, redirect.span)
    for call in reading.calls(script, "tee", "truncate", "rm", "dd", "shred", "cp", "mv", "ln", "unlink"):
        given = reading.flags(call)
        if call.name == "tee" and ("a" in given or "--append" in given):
            continue
        words = [(word, word.text or "") for word in call.args]
        if call.name in ("cp", "ln"):
            words = words[-1:]
        for word, text in words:
            target = text.removeprefix("of=") if call.name == "dd" else text
            copied = text == target and call.name == "dd"
            if reading.system_file(target) and not copied:
                severity = Severity.ERROR if call.name in ("cp", "mv", "ln") and word is call.args[-1] else None
                message = f"`{call.name}` destroys or replaces {target}"
                yield script.finding("system-file-overwrite", severity or Severity.CATASTROPHIC, message, word.span)


@rule("kernel-switch", Severity.CATASTROPHIC, "Stops or crashes the host through the kernel's own switches")
def kernel_switch(script: Script) -> Iterator[Finding]:
    switches = ("/proc/sysrq-trigger", "/proc/sys/kernel/sysrq")
    for redirect in script.redirects:
        if redirect.op in _WRITING and redirect.word.text == switches[0]:
            message = "what is written to /proc/sysrq-trigger acts at once: reboot, crash, kill of everything"
            yield script.finding("kernel-switch", Severity.CATASTROPHIC, message, redirect.span)
    for call in reading.calls(script, "tee"):
        for word in call.args:
            if word.text == switches[0]:
                message = "what is written to /proc/sysrq-trigger acts at once: reboot, crash, kill of everything"
                yield script.finding("kernel-switch", Severity.CATASTROPHIC, message, word.span)


@rule("fork-bomb", Severity.CATASTROPHIC, "A function that starts itself without end")
def fork_bomb(script: Script) -> Iterator[Finding]:
    own: dict[str, list[bool]] = {}
    for call in script.calls:
        name = call.words[0].text
        if name and call.function == name and name in script.functions:
            many = call.background or call.pipeline is not None
            own.setdefault(name, []).append(many and not call.tested)
    for name, starts in own.items():
        if sum(starts) >= 2 or (any(starts) and len(starts) >= 2):
            message = f"{name} starts itself twice each time: the host runs out of processes"
            yield script.finding("fork-bomb", Severity.CATASTROPHIC, message, script.functions[name].span)
    for call in script.calls:
        if call.loop and call.background and call.words[0].shown.endswith(("$0", "$BASH_SOURCE")):
            message = "the script starts itself in an endless loop"
            yield script.finding("fork-bomb", Severity.CATASTROPHIC, message, call.span)


@rule("truncate-log", Severity.WARNING, "Empties a log")
def truncate_log(script: Script) -> Iterator[Finding]:
    for redirect in script.redirects:
        path = redirect.word.shown
        if redirect.op in _TRUNCATING and path.startswith("/var/log/") and redirect.fd != "2":
            owner = reading.owner(script, redirect)
            if owner is None or owner.name in (":", "true", "echo", "cat"):
                message = f"this empties {path}: what happened on the host is lost; logrotate keeps a copy"
                yield script.finding("truncate-log", Severity.WARNING, message, redirect.span)
    for call in reading.calls(script, "truncate", "rm", "shred"):
        for word in reading.operands(call):
            if word.shown.startswith("/var/log/"):
                message = f"`{call.name}` takes away {word.shown}: what happened on the host is lost"
                yield script.finding("truncate-log", Severity.WARNING, message, word.span)
