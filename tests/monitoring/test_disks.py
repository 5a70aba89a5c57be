"""Which mounts are watched, how full they are, and what happens when one does not answer."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.sampling.disks import ASK_EVERY_S, Disks
from opsconsole.monitoring.sampling.host import LinuxHost
from opsconsole.monitoring.sampling.mounts import READ_EVERY_S, Mount, MountTable
from tests.monitoring.fake_host import FakeHost

ROOT = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw"


@pytest.fixture
def fake(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def watched(fake: FakeHost, *ignored: str) -> list[str]:
    return [mount.mount for mount in MountTable(str(fake.proc), str(fake.sys), ignored).look(0.0)]


def test_pseudo_file_systems_and_images_are_not_watched(fake: FakeHost) -> None:
    fake.mounts(
        "22 27 0:21 / /proc rw - proc proc rw",
        "23 27 0:22 / /sys rw - sysfs sysfs rw",
        "24 27 0:6 / /dev rw - devtmpfs devtmpfs rw",
        "25 24 0:23 / /dev/shm rw - tmpfs tmpfs rw",
        "26 27 0:24 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
        "28 27 7:1 / /snap/core/1 ro - squashfs /dev/loop1 ro",
        "29 27 7:2 / /media/cd ro - iso9660 /dev/sr0 ro",
        "30 27 0:40 / /run/credentials/a rw - tmpfs none rw",
        "31 27 0:41 / /opt/secret ro - tmpfs none ro",
        "32 27 0:42 / /run/containerd/io.containerd.runtime/a/rootfs rw - overlay overlay rw",
        "33 27 0:43 / /mnt/auto rw - autofs systemd-1 rw",
        ROOT,
    )
    assert watched(fake) == ["/", "/dev/shm"]


def test_an_overlay_is_watched_as_a_container_s_own_root(fake: FakeHost, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.touch()
    fake.mounts(
        "500 400 0:50 / / rw - overlay overlay rw,lowerdir=/a,upperdir=/b",
        f"501 500 8:1 /var/lib/docker/containers/x/hosts {hosts} rw - ext4 /dev/sda1 rw",
    )
    assert watched(fake) == ["/"]


def test_bind_mounts_and_subvolumes_are_one_file_system(fake: FakeHost, tmp_path: Path) -> None:
    fake.mounts(
        "40 27 8:3 /inner /tmp rw - ext4 /dev/sdb1 rw",
        "41 27 8:3 / /srv/of/the/whole/disk/and/a/longer/path rw - ext4 /dev/sdb1 rw",
        f"42 27 0:60 /@home {tmp_path}/proc rw - btrfs /dev/sdc1 rw,subvol=/@home",
        f"43 27 0:60 /@ {tmp_path} rw - btrfs /dev/sdc1 rw,subvol=/@",
    )
    assert watched(fake) == ["/srv/of/the/whole/disk/and/a/longer/path", str(tmp_path)]


def test_a_bind_mount_alone_is_watched(fake: FakeHost, tmp_path: Path) -> None:
    fake.mounts(f"40 27 8:3 /inner {tmp_path} rw - ext4 /dev/sdb1 rw")
    assert watched(fake) == [str(tmp_path)]


def test_what_was_mounted_last_on_a_point_hides_the_rest(fake: FakeHost) -> None:
    fake.mounts("40 27 8:3 / /data rw - ext4 /dev/sdb1 rw", "41 27 0:44 / /data rw - proc none rw")
    assert watched(fake) == []


def test_mounts_can_be_ignored_by_pattern(fake: FakeHost) -> None:
    fake.mounts(
        ROOT,
        "40 27 8:3 / /mnt/archive1 rw - ext4 /dev/sdb1 rw",
        "41 27 8:3 /deep /mnt/deep/archive rw - ext4 /dev/sdb1 rw",
        "42 27 8:4 / /mnt/hot rw - ext4 /dev/sdb2 rw",
    )
    assert watched(fake, "/mnt/archive*") == ["/", "/mnt/hot"]


def test_names_are_unescaped_and_always_storable(fake: FakeHost) -> None:
    fake.mounts(r"40 27 8:3 / /mnt/a\040b\134c rw - ext4 /dev/sdb1 rw")
    with open(fake.proc / "self/mountinfo", "ab") as file:
        file.write(b"41 27 8:4 / /mnt/\xff rw - ext4 /dev/sdb2 rw\n")
    mounts = MountTable(str(fake.proc), str(fake.sys), ()).look(0.0)
    assert {mount.path: mount.mount for mount in mounts} == {
        b"/mnt/a b\\c": "/mnt/a b\\c",
        b"/mnt/\xff": "/mnt/\\xff",
    }


def test_a_mount_names_the_whole_device_it_lies_on(fake: FakeHost) -> None:
    disk = fake.sys / "devices/pci0/block/sda"
    (disk / "sda1").mkdir(parents=True)
    (disk / "sda1/partition").write_text("1\n")
    (fake.sys / "devices/virtual/block/dm-0").mkdir(parents=True)
    (fake.sys / "devices/pci0/block/cciss!c0d0").mkdir(parents=True)
    (fake.sys / "dev/block").mkdir(parents=True)
    for number, target in (
        ("8:1", "pci0/block/sda/sda1"),
        ("253:0", "virtual/block/dm-0"),
        ("104:0", "pci0/block/cciss!c0d0"),
    ):
        (fake.sys / "dev/block" / number).symlink_to(fake.sys / "devices" / target)
    fake.mounts(
        "40 1 8:1 / / rw - ext4 /dev/sda1 rw",
        "41 1 253:0 / /a rw - xfs /dev/mapper/vg-a rw",
        "42 1 104:0 / /b rw - xfs /dev/cciss/c0d0 rw",
        "43 1 0:30 / /c rw - tmpfs tmpfs rw",
        "44 1 0:31 / /d rw - nfs4 server:/d rw",
    )
    mounts = MountTable(str(fake.proc), str(fake.sys), ()).look(0.0)
    assert {mount.mount: mount.drive for mount in mounts} == {
        "/": "sda", "/a": "dm-0", "/b": "cciss/c0d0", "/c": None, "/d": None,
    }  # fmt: skip
    assert [mount.mount for mount in mounts if mount.may_hang] == ["/d"]


def test_a_device_without_io_is_shown_where_it_carries_a_mount(fake: FakeHost) -> None:
    for number, name in (("8:16", "sdb"), ("7:0", "loop0")):
        (fake.sys / "dev/block").mkdir(parents=True, exist_ok=True)
        (fake.sys / "dev/block" / number).symlink_to(fake.sys / "block" / name)
    fake.mounts("40 1 8:16 / / rw - ext4 /dev/sdb rw", "41 1 7:0 / /img rw - ext4 /dev/loop0 rw")
    assert [drive.name for drive in fake.open().at(0.0).drives] == ["loop0", "sda", "sdb"]


def test_mounts_are_read_again_after_half_a_minute(fake: FakeHost) -> None:
    table = MountTable(str(fake.proc), str(fake.sys), ())
    assert table.look(0.0) == ()
    fake.mounts(ROOT)
    assert table.look(READ_EVERY_S - 1) == ()
    assert [mount.mount for mount in table.look(READ_EVERY_S)] == ["/"]


_NEW_MOUNT = """
import os, subprocess, sys
from opsconsole.monitoring.sampling.mounts import MountTable
table = MountTable("/proc", "/sys", ())
folder = sys.argv[1]
before = [mount.mount for mount in table.look(0.0)]
assert folder not in before
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=True)
print(folder in [mount.mount for mount in table.look(0.1)])
subprocess.run(["umount", folder], check=True)
print(folder in [mount.mount for mount in table.look(0.2)])
"""


def test_a_mount_that_comes_or_goes_is_seen_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "mounted"
    folder.mkdir()
    unshare = [shutil.which("unshare") or "unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a mount namespace is not to be had")
    seen = subprocess.run(
        [*unshare, sys.executable, "-c", _NEW_MOUNT, str(folder)], capture_output=True, text=True, check=False
    )
    assert seen.stdout.split() == ["True", "False"], seen.stderr


def test_shares_are_those_of_df(tmp_path: Path) -> None:
    def df() -> list[str]:
        return subprocess.run(
            ["df", "--block-size=1", "--output=target,size,used,avail,pcent,itotal,iused,ipcent", "/"],
            capture_output=True, text=True, check=True, env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        ).stdout.splitlines()[1].split()  # fmt: skip

    before = df()
    host = LinuxHost(MonitorSettings())
    disks = {disk.mount: disk for disk in host.look(0.0, None).disks}
    host.close()
    told = df()
    disk = disks["/"]
    assert disk.total == int(told[1])

    def about(value: float, column: int, more: float, less: float | None = None) -> bool:
        """As before or after, or in between, or off by so much: other tests write meanwhile."""
        least, most = sorted(int(one[column].rstrip("%")) for one in (before, told))
        return least - (more if less is None else less) <= value <= most + more

    assert about(disk.used, 2, 64 << 20)
    assert about(disk.free, 3, 64 << 20)
    assert about(disk.percent, 4, more=1.0, less=2.0)  # df rounds up
    assert disk.percent == pytest.approx(100 * disk.used / (disk.used + disk.free))
    if told[5] != "-" and disk.inodes_percent is not None:
        assert disk.inodes_total == pytest.approx(int(told[5]), rel=0.01)  # XFS has as many as there is room for
        assert about(disk.inodes_percent, 7, more=1.0, less=2.0)


class Server:
    """A network file system: answers when it is let to."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = threading.Semaphore(0)
        self.questions = 0
        self.error: OSError | None = None

    def statvfs(self, path: bytes) -> os.statvfs_result:
        if path == b"/":
            return os.statvfs(path)
        self.questions += 1
        self.asked.release()
        self.answers.wait(30)
        if self.error is not None:
            raise self.error
        return os.statvfs("/")


NFS = Mount(b"/net", "/net", "server:/x", "nfs4", None, True)
LOCAL = Mount(b"/", "/", "/dev/vda", "ext4", "vda", False)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.answers.set()


def settled(disks: Disks) -> None:
    """Wait until the threads that ask have ended."""
    for thread in threading.enumerate():
        if thread.name == "statvfs":
            thread.join(30)


def test_a_network_mount_that_answers_is_there_at_the_first_look(server: Server) -> None:
    server.answers.set()
    disks = Disks(server.statvfs)
    disks.look([NFS], 0.0)
    settled(disks)
    assert [disk.mount for disk in disks.look([LOCAL, NFS], 1.0)] == ["/", "/net"]
    assert disks.notes == []


def test_a_mount_that_hangs_holds_up_nothing_and_is_said(server: Server) -> None:
    disks = Disks(server.statvfs)
    assert [disk.mount for disk in disks.look([NFS, LOCAL], 0.0)] == ["/"]
    assert [disk.mount for disk in disks.look([NFS, LOCAL], 12.0)] == ["/"]
    assert disks.notes == ["/net (nfs4) does not answer for 12 s: nothing is known"]
    assert server.asked.acquire(timeout=30)
    assert server.questions == 1, "one thread waits, not one for each look"


def test_a_mount_that_stops_answering_keeps_its_last_figures(server: Server) -> None:
    server.answers.set()
    disks = Disks(server.statvfs)
    disks.look([NFS], 0.0)
    settled(disks)
    server.answers.clear()
    disks.look([NFS], ASK_EVERY_S)  # asks again
    found = disks.look([NFS], 3 * ASK_EVERY_S)
    assert [disk.mount for disk in found] == ["/net"]
    assert disks.notes == ["/net (nfs4) does not answer for 10 s: the figures are older"]
    server.answers.set()
    settled(disks)
    disks.look([NFS], 3 * ASK_EVERY_S + 1)
    assert disks.notes == []


def test_a_network_mount_is_asked_each_five_seconds_only(server: Server) -> None:
    server.answers.set()
    disks = Disks(server.statvfs)
    for second in range(5):
        disks.look([NFS], float(second))
        settled(disks)
    assert server.questions == 1


def test_a_stale_handle_is_a_note(server: Server) -> None:
    server.answers.set()
    server.error = OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    disks = Disks(server.statvfs)
    disks.look([NFS], 0.0)
    settled(disks)
    frames = set()
    for second in (1.0, 2.0, 3.0):
        assert disks.look([NFS], second) == ()
        assert disks.notes == [f"/net cannot be read: {os.strerror(errno.ESTALE)}"]
        frames.add(len(list(traceback.walk_tb(server.error.__traceback__))))
    assert len(frames) == 1, "an error that is told again and again does not grow"


def test_a_local_mount_that_cannot_be_read_is_a_note() -> None:
    gone = Mount(b"/no/such/mount", "/no/such/mount", "/dev/x", "ext4", None, False)
    disks = Disks()
    assert [disk.mount for disk in disks.look([gone, LOCAL], 0.0)] == ["/"]
    assert disks.notes == ["/no/such/mount cannot be read: No such file or directory"]
