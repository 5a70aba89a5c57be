"""Guards of the host switched off, and services that lose data: containers, clusters, databases, repositories."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from opsconsole.safety.review.model import Finding, Severity
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script

_FIREWALLS = frozenset({"ufw", "firewalld", "iptables", "nftables", "ip6tables", "pf", "firewall-cmd"})
_WATCHERS = frozenset({"auditd", "rsyslog", "syslog", "systemd-journald", "fail2ban", "apparmor", "falcon-sensor",
                       "clamav-daemon", "osqueryd", "wazuh-agent", "crowdsec", "sysmon"})  # fmt: skip


def _verbs(call: Call) -> list[str]:
    return [text for text in reading.texts(call) if not text.startswith("-")]


def _stopped(call: Call) -> list[str]:
    """Units that systemctl or service stops for now or for good."""
    verbs = _verbs(call)
    if call.name == "systemctl" and verbs[:1] and verbs[0] in ("stop", "disable", "mask", "kill"):
        return [unit.removesuffix(".service") for unit in verbs[1:]]
    if call.name in ("service", "rc-service") and verbs[1:2] == ["stop"]:
        return verbs[:1]
    if call.name in ("chkconfig", "update-rc.d") and verbs[1:2] and verbs[1] in ("off", "disable", "remove"):
        return verbs[:1]
    return []


@rule("disable-selinux", Severity.ERROR, "Switches off SELinux or AppArmor")
def disable_selinux(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "setenforce", "aa-teardown", "aa-disable", "aa-complain", "sed"):
        words = reading.texts(call)
        off = call.name != "setenforce" or words[:1] in (["0"], ["Permissive"], ["permissive"])
        if call.name == "sed":
            off = any(re.search(r"SELINUX=.*(?:disabled|permissive)", text) for text in words)
        if off:
            message = (
                f"`{call.name}` takes away the confinement of every service; add a rule for the one that is denied"
            )
            yield script.finding("disable-selinux", Severity.ERROR, message, call.span)


@rule("disable-firewall", Severity.ERROR, "Switches off the firewall")
def disable_firewall(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "systemctl", "service", "rc-service", "chkconfig", "update-rc.d"):
        if _FIREWALLS & set(_stopped(call)):
            yield script.finding(
                "disable-firewall", Severity.ERROR, "every port of the host is open after this", call.span
            )
    for call in reading.calls(script, "ufw", "pfctl", "nft", "iptables", "ip6tables"):
        words = reading.texts(call)
        if (call.name == "ufw" and ("disable" in words or "reset" in words)) or (
            call.name == "pfctl" and "d" in reading.flags(call)
        ):
            yield script.finding(
                "disable-firewall", Severity.ERROR, "every port of the host is open after this", call.span
            )
        elif call.name == "nft" and words[:2] == ["flush", "ruleset"]:
            message = "all rules are gone after this: load a whole file with `nft -f`, which replaces them at once"
            yield script.finding("disable-firewall", Severity.ERROR, message, call.span)
        elif call.name in ("iptables", "ip6tables"):
            yield from _iptables(script, call, words)


def _iptables(script: Script, call: Call, words: list[str]) -> Iterator[Finding]:
    given = reading.flags(call)
    if "F" in given or "--flush" in given:
        chain = len(_verbs(call)) > (1 if "-t" in words else 0)
        severity = Severity.WARNING if chain else Severity.ERROR
        message = "the rules are gone; with a policy of DROP this cuts off your own connection as well"
        yield script.finding("disable-firewall", severity, message, call.span)
    elif "-P" in words and words[-1:] == ["DROP"] and "INPUT" in words:
        message = "a policy of DROP before the rules that let you in cuts off your own connection"
        yield script.finding("disable-firewall", Severity.WARNING, message, call.span)


@rule("disable-audit", Severity.ERROR, "Switches off the record of what happens on the host")
def disable_audit(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "systemctl", "service", "rc-service", "chkconfig", "update-rc.d"):
        if found := _WATCHERS & set(_stopped(call)):
            message = f"without {', '.join(sorted(found))} nobody sees what happens on the host"
            yield script.finding("disable-audit", Severity.ERROR, message, call.span)
    for call in reading.calls(script, "auditctl"):
        words = reading.texts(call)
        if "-D" in words or any(a == "-e" and b == "0" for a, b in pairwise(words)):
            yield script.finding("disable-audit", Severity.ERROR, "the audit rules are off after this", call.span)


_SWITCHES = {
    "randomize_va_space": "0",
    "yama.ptrace_scope": "0", "kptr_restrict": "0", "dmesg_restrict": "0", "suid_dumpable": "1",
    "unprivileged_bpf_disabled": "0", "kernel.modules_disabled": "0",
}  # fmt: skip


@rule("weaken-kernel", Severity.ERROR, "Switches off a protection of the kernel")
def weaken_kernel(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "sysctl"):
        for word in reading.operands(call):
            key, _, value = (word.text or "").partition("=")
            for name, bad in _SWITCHES.items():
                if key.replace("/", ".").strip().endswith(name) and value.strip() == bad:
                    message = f"{key}={value} takes a protection against exploits away from the whole host"
                    yield script.finding("weaken-kernel", Severity.ERROR, message, word.span)
    for redirect in script.redirects:
        path = (redirect.word.text or "").replace("/", ".")
        if path.startswith(".proc.sys.") and any(path.endswith(name) for name in _SWITCHES):
            message = f"{redirect.word.text} guards the whole host against exploits"
            yield script.finding("weaken-kernel", Severity.WARNING, message, redirect.span)


@rule("force-push", Severity.ERROR, "Overwrites a published branch")
def force_push(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "git"):
        words = reading.texts(call)
        if "push" not in words:
            continue
        forced = next((w for w in call.args if w.text in ("--force", "-f") or (w.text or "").startswith("+")), None)
        if forced is not None or "--mirror" in words:
            message = "this throws away what others have pushed: --force-with-lease refuses where there is any"
            exact = forced is not None and reading.in_place(script, forced.span, forced.text or "")
            fix = (
                [(forced.span, "--force-with-lease")] if exact and forced and forced.text in ("-f", "--force") else None
            )
            yield script.finding("force-push", Severity.ERROR, message, call.span, fix)


@rule("discard-work", Severity.WARNING, "Throws away uncommitted work")
def discard_work(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "git"):
        words, given = _verbs(call), reading.flags(call)
        reset = words[:1] == ["reset"] and "--hard" in given
        clean = words[:1] == ["clean"] and "f" in given and bool(given & {"d", "x", "X"}) and "n" not in given
        if reset or clean:
            message = f"`git {words[0]}` deletes what is not committed, and git cannot bring it back"
            yield script.finding("discard-work", Severity.WARNING, message, call.span)


@rule("container-purge", Severity.ERROR, "Deletes the data of all containers")
def container_purge(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "docker", "podman", "nerdctl"):
        words, given = _verbs(call), reading.flags(call)
        volumes = "--volumes" in given and words[:2] == ["system", "prune"]
        volumes |= words[:2] == ["volume", "prune"] and bool(given & {"a", "--all", "f", "--force"})
        compose = "compose" in words[:1] and "down" in words and bool(given & {"v", "--volumes"})
        if volumes:
            message = "volumes that no running container uses are deleted: the data of every stopped service"
            yield script.finding("container-purge", Severity.ERROR, message, call.span)
        elif compose:
            message = "`down -v` deletes the volumes, which hold the data"
            yield script.finding("container-purge", Severity.WARNING, message, call.span)


@rule("cluster-delete-all", Severity.ERROR, "Deletes everything of a kind in a cluster")
def cluster_delete(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "kubectl", "oc", "k"):
        words, given = _verbs(call), reading.flags(call)
        if "delete" not in words[:2] or given & {"--dry-run"}:
            continue
        if given & {"--all", "--all-namespaces", "A"} or (
            words[1:2] and words[1] in ("namespace", "ns", "pv", "crd", "node")
        ):
            message = "everything of this kind goes at once, with what depends on it: name the objects"
            yield script.finding("cluster-delete-all", Severity.ERROR, message, call.span)
    for call in reading.calls(script, "terraform", "tofu"):
        if "destroy" in reading.texts(call) and any("auto-approve" in text for text in reading.texts(call)):
            message = "`destroy -auto-approve` takes down all that this state knows, without a question"
            yield script.finding("cluster-delete-all", Severity.ERROR, message, call.span)


_DROP = lazy(
    r"\b(?:DROP\s+(?:DATABASE|SCHEMA|TABLE)|TRUNCATE\s+(?:TABLE\s+)?\w|FLUSHALL|DELETE\s+FROM\s+\S+\s*(?:;|['\"]?\Z))"
    r"|\bdropDatabase\(",
    re.IGNORECASE,
)


@rule("database-drop", Severity.ERROR, "Deletes a database, a table or all its rows")
def database_drop(script: Script) -> Iterator[Finding]:
    for call in reading.calls(
        script, "psql", "mysql", "mariadb", "sqlite3", "mongo", "mongosh", "redis-cli", "clickhouse-client"
    ):
        places = [word.span for word in call.args if _DROP.search(script.slice(word.span))]
        for one in call.redirects:
            inside = one.heredoc and "".join(part.get("Value", "") for part in one.heredoc.get("Parts", []))
            if (inside and _DROP.search(inside)) or (one.op == "<<<" and _DROP.search(script.slice(one.word.span))):
                places.append(one.span)
        for place in places:
            yield script.finding(
                "database-drop", Severity.ERROR, "data is deleted that only a backup brings back", place
            )
    for call in reading.calls(script, "dropdb", "mysqladmin"):
        if call.name == "dropdb" or "drop" in reading.texts(call):
            yield script.finding(
                "database-drop", Severity.ERROR, "data is deleted that only a backup brings back", call.span
            )


# Program → words that all have to be given for everything below a name, or a whole store, to be deleted.
_PURGES: dict[str, tuple[frozenset[str], ...]] = {
    "rclone": (frozenset({"purge"}), frozenset({"delete"})),
    "aws": (frozenset({"s3", "rm", "--recursive"}), frozenset({"s3", "rb", "--force"})),
    "gsutil": (frozenset({"rm", "-r"}), frozenset({"rm", "-R"})),
    "gcloud": (frozenset({"storage", "rm", "--recursive"}), frozenset({"projects", "delete"})),
    "az": (frozenset({"group", "delete"}), frozenset({"storage", "container", "delete"})),
    "gh": (frozenset({"repo", "delete"}),),
    "borg": (frozenset({"delete"}), frozenset({"rdelete"})),
    "velero": (frozenset({"backup", "delete", "--all"}),),
    "vault": (frozenset({"secrets", "disable"}),),
    "etcdctl": (frozenset({"del", "--prefix"}),),
}


@rule("remote-purge", Severity.ERROR, "Deletes a whole store elsewhere")
def remote_purge(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, *_PURGES):
        given = set(reading.texts(call))
        if given & {"--dry-run", "--dryrun", "-n", "--help"}:
            continue
        if any(wanted <= given for wanted in _PURGES[reading.name_of(call)]):
            message = f"`{reading.name_of(call)}` deletes all of it at once, and there is no waste basket"
            yield script.finding("remote-purge", Severity.ERROR, message, call.span)


@rule("sync-deletes", Severity.WARNING, "A copy that deletes what its source does not have")
def sync_deletes(script: Script) -> Iterator[Finding]:
    message = "where the source is empty or not mounted, the copy is emptied too: look that it is there, or try with -n"
    for call in reading.calls(script, "rsync", "rclone"):
        given = reading.flags(call)
        deletes = any(text.startswith("--delete") for text in given)
        if call.name == "rclone":
            deletes = "sync" in reading.texts(call)[:2]
        if deletes and not given & {"n", "--dry-run", "--max-delete"}:
            yield script.finding("sync-deletes", Severity.WARNING, message, call.span)
