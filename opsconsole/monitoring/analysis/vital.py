"""Whose end costs more than it gives: such processes are looked into, never stopped for what they use.

Told by what they are to the kernel and to us (the first process, kernel threads, what opsconsole runs under), and by
name: a process that takes such a name is handled with care for nothing, which does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from opsconsole.monitoring.analysis.causes import is_console, kernel_thread
from opsconsole.samples import ProcessSample

_CUT = 15
"""Bytes the kernel keeps of a name."""


@dataclass(frozen=True, slots=True)
class Care:
    """Why a process is not to be stopped, and what is done instead; both continue a sentence about it."""

    why: str
    instead: str
    kernel: bool = False
    """A kernel thread: it has neither a memory of its own nor a priority to change, and works for others."""
    own: bool = False


KERNEL = Care("the kernel itself, working for others", "it cannot be stopped", kernel=True)
FIRST = Care("the first process: this host or container ends with it", "do not stop it")
OURS = Care(
    "opsconsole itself: this is what watching costs here",
    "have it look less often (monitor.interval_s), or quit it between runs; do not kill it",
    own=True,
)
ABOVE_US = Care("what opsconsole runs under, and would end with", "do not stop it from here")
BELOW_US = Care("started by opsconsole", "cancel its run here rather than stop it by hand")
LOGIN = Care("part of the way in to this host: without it nobody may reach it again", "do not stop it")
BASIS = Care("what other services of this host stand on", "do not stop it")
CONTAINERS = Care(
    "what containers or virtual machines run under, and may end with",
    "see which of them it works for; never kill it, restart it only as a service and after moving them",
)
DATABASE = Care(
    "a store of data: killed, it may lose some and has to recover",
    "see what its clients ask of it; never kill it, restart it only as a service when they can wait",
)

_NAMES: dict[Care, str] = {
    FIRST: "systemd init launchd runit s6-svscan openrc-init dumb-init tini docker-init catatonit kernel_task",
    LOGIN: "sshd sshd-session sshd-auth dropbear login agetty getty mingetty systemd-logind elogind systemd-userdbd "
    "systemd-userwork gdm gdm3 gdm-session-worker lightdm sddm Xorg Xwayland gnome-shell kwin_wayland WindowServer "
    "loginwindow sssd sssd_be sssd_nss sssd_pam nslcd nscd winbindd polkitd sudo su mosh-server tmux screen in.telnetd "
    "NetworkManager systemd-networkd systemd-resolved wpa_supplicant iwd connmand dhclient dhcpcd firewalld netplan "
    "openvpn tailscaled charon pppd cloud-init waagent amazon-ssm-agent google_guest_agent qemu-ga vmtoolsd",
    BASIS: "dbus-daemon dbus-broker dbus-broker-launch systemd-journald systemd-udevd udevd eudev mdev systemd-oomd "
    "rsyslogd syslogd syslog-ng auditd multipathd iscsid lvmetad dmeventd mdadm mdmon lvmdbusd rpcbind rpc.statd "
    "rpc.mountd rpc.idmapd rpc.gssd nfsdcld zed ceph-osd ceph-mon ceph-mds ceph-mgr glusterd glusterfsd drbdsetup "
    "corosync pacemakerd keepalived watchdog configd notifyd opendirectoryd",
    CONTAINERS: "dockerd containerd containerd-shim containerd-shim-runc-v1 containerd-shim-runc-v2 docker-proxy "
    "podman conmon crio runc crun kubelet k3s k3s-server k3s-agent rke2 kube-apiserver kube-controller-manager "
    "kube-scheduler kube-proxy cilium-agent calico-node flanneld lxd incusd lxcfs lxc-start systemd-nspawn nomad "
    "libvirtd virtqemud virtlogd qemu kvm firecracker cloud-hypervisor VBoxHeadless vmware-vmx xenstored",
    DATABASE: "postgres postmaster pgbouncer patroni mysqld mariadbd mongod mongos redis-server valkey-server "
    "keydb-server sqlservr db2sysc tnslsnr clickhouse-server clickhouse influxd etcd consul cockroach tikv-server "
    "pd-server tidb-server scylla cassandra neo4j slapd ns-slapd couchdb beam.smp zookeeper kafka elasticsearch "
    "opensearch minio rabbitmq-server nats-server prometheus victoria-metrics firebird aerospike asd memcached",
}  # fmt: skip
_PREFIXES = (("qemu-system-", CONTAINERS), ("qemu-kvm", CONTAINERS), ("ora_", DATABASE), ("postgres:", DATABASE),
             ("sshd:", LOGIN), ("tmux:", LOGIN), ("SCREEN", LOGIN))  # fmt: skip
_IN_JAVA = (
    "org.elasticsearch.", "org.opensearch.", "CassandraDaemon", "kafka.Kafka", "QuorumPeerMain", "org.neo4j.",
    "namenode.NameNode", "datanode.DataNode", "HRegionServer", "HMaster", "solr.install.dir", "activemq",
)  # fmt: skip
_SUBJECT = re.compile(r"(.*)\[([0-9]{1,10})\]", re.DOTALL)
_BY_NAME = {part: care for care, names in _NAMES.items() for name in names.split() for part in (name, name[:_CUT])}


def cared_for(processes: Sequence[ProcessSample], wanted: Iterable[int], own: int) -> Mapping[int, Care]:
    """Of the `wanted` pids those that are not to be stopped. `own`: the pid of this program."""
    by_pid = {one.pid: one for one in processes}
    above = set(_ancestors(own, by_pid))
    found = {}
    for pid in wanted:
        one = by_pid.get(pid)
        care = _structural(pid, one, own, above, by_pid) or (named(one.name, one.cmdline) if one is not None else None)
        if care is not None:
            found[pid] = care
    return found


def pid_of(subject: str) -> int | None:
    """Of the subject `name[pid]`."""
    found = _SUBJECT.fullmatch(subject)
    return int(found[2]) if found else None


def of_subject(subject: str, care: Mapping[int, Care]) -> Care | None:
    """For `name[pid]`, by its name where the process was not seen."""
    found = _SUBJECT.fullmatch(subject)
    return care.get(int(found[2])) or named(found[1]) if found else None


def named(name: str, cmdline: str = "") -> Care | None:
    """By its name alone; a name the kernel has cut stands for all that begin so."""
    if is_console(name, cmdline):
        return OURS
    care = _BY_NAME.get(name)
    if care is not None:
        return care
    if name == "java":
        return DATABASE if any(word in cmdline for word in _IN_JAVA) else None
    return next((care for prefix, care in _PREFIXES if name.startswith(prefix)), None)


def _structural(
    pid: int, one: ProcessSample | None, own: int, above: set[int], by_pid: Mapping[int, ProcessSample]
) -> Care | None:
    if pid <= 1:
        return FIRST
    if pid == own:
        return OURS
    if one is not None and kernel_thread(one):
        return KERNEL
    if pid in above:
        return ABOVE_US
    return BELOW_US if own in _ancestors(pid, by_pid) else None


def _ancestors(pid: int, by_pid: Mapping[int, ProcessSample]) -> list[int]:
    """Its parent, that one's, and so on; a list of two moments may have a ring in it."""
    found: list[int] = []
    one = by_pid.get(pid)
    while one is not None and one.ppid > 0 and one.ppid != pid and one.ppid not in found:
        found.append(one.ppid)
        one = by_pid.get(one.ppid)
    return found
