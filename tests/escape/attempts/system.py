"""Reaching the kernel, and more rights."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import struct
import subprocess
from collections.abc import Callable

from tests.escape.attempts.common import CONSOLE, OPEN, attempt, call, in_child, libc, put


@attempt
def push_keystrokes() -> object:
    import fcntl

    fcntl.ioctl(0, 0x5412, b"x")
    return "pushed"


@attempt
def push_keystrokes_with_high_bits() -> object:
    return "pushed" if call("ioctl", 0, 0x5412 | 1 << 32, b"x") == 0 else None


@attempt
def paste_into_the_console() -> object:
    import fcntl

    fcntl.ioctl(0, 0x541C, b"\x03")
    return "pasted"


@attempt
def mount_a_file_system() -> object:
    return "mounted" if call("mount", b"none", b"/mnt", b"tmpfs", 0, 0) == 0 else None


@attempt
def bind_mount() -> object:
    return "mounted" if call("mount", OPEN.encode(), b"/mnt", b"none", 4096, 0) == 0 else None


@attempt
def make_it_writable_again() -> object:
    return "remounted" if call("mount", b"none", b"/", b"", 32 | 4096, 0) == 0 else None


@attempt
def unmount() -> object:
    return "unmounted" if call("umount2", b"/proc/sys", 2) == 0 else None


@attempt
def open_a_tree() -> object:
    return call("open_tree", -100, b"/", 1)


@attempt
def new_mount_api() -> object:
    return call("fsopen", b"tmpfs", 0)


@attempt
def change_the_root() -> object:
    os.chroot("/mnt")
    return "changed"


@attempt
def new_user_namespace() -> object:
    return in_child(lambda: call("unshare", 0x10000000))


@attempt
def new_user_namespace_by_clone() -> object:
    def clone() -> None:
        if call("clone", 0x10000000 | signal.SIGCHLD, 0, 0, 0, 0) == 0:
            os._exit(0)

    return in_child(clone)


@attempt
def new_user_namespace_by_clone3() -> object:
    def clone() -> None:
        arguments = struct.pack("QQQQQQQQ", 0x10000000, 0, 0, 0, signal.SIGCHLD, 0, 0, 0)
        if call("clone3", arguments, 64) == 0:
            os._exit(0)

    return in_child(clone)


@attempt
def enter_the_hosts_namespace() -> object:
    fd = os.open(f"/proc/{CONSOLE}/ns/mnt", os.O_RDONLY)
    return "entered" if call("setns", fd, 0) == 0 else None


@attempt
def load_a_module() -> object:
    return "loaded" if call("init_module", b"x", 1, b"") == 0 else None


@attempt
def modprobe() -> object:
    subprocess.run(["modprobe", "dummy"], check=True, capture_output=True)
    return "loaded"


@attempt
def load_a_bpf_program() -> object:
    return call("bpf", 0, struct.pack("IIII", 2, 4, 4, 1) + bytes(100), 72)


@attempt
def watch_performance() -> object:
    attributes = struct.pack("IIQ", 1, 112, 1) + bytes(96)
    return call("perf_event_open", attributes, 0, -1, -1, 0)


@attempt
def fault_handler() -> object:
    return call("userfaultfd", 1)


@attempt
def use_the_keyring() -> object:
    return call("add_key", b"user", b"escape", b"x", 1, -3)


@attempt
def rename_the_host() -> object:
    return "renamed" if call("sethostname", b"vm", 2) == 0 else None


@attempt
def set_the_clock() -> object:
    return "set" if call("settimeofday", struct.pack("qq", 1, 0), 0) == 0 else None


@attempt
def load_a_kernel() -> object:
    return call("kexec_load", 0, 0, 0, 0)


@attempt
def swap() -> object:
    return call("swapon", f"{OPEN}/file".encode(), 0)


@attempt
def watch_all_files() -> object:
    return call("fanotify_init", 0, 0)


@attempt
def account_processes() -> object:
    return call("acct", f"{OPEN}/file".encode())


@attempt
def core_pattern() -> object:
    with open("/proc/sys/kernel/core_pattern", "r+") as file:
        pattern = file.read()
        file.seek(0)
        file.write(pattern)
    return "rewritten"


@attempt
def sysrq() -> object:
    return put("/proc/sysrq-trigger", "h")


@attempt
def write_to_sys() -> object:
    for folder, _, names in os.walk("/sys/kernel/mm"):
        for name in names:
            if os.access(f"{folder}/{name}", os.W_OK):
                return f"could write {folder}/{name}"
    with open("/sys/kernel/mm/transparent_hugepage/enabled", "w") as file:
        return file.write("madvise")


def cgroup_folders() -> list[str]:
    with open("/proc/self/mountinfo") as file:
        return [line.split()[4] for line in file if " - cgroup" in line]


@attempt
def make_a_cgroup() -> object:
    for folder in cgroup_folders():
        try:
            os.mkdir(f"{folder}/escape")
            return f"made {folder}/escape"
        except OSError:
            continue
    raise OSError(errno.EROFS, "none of them")


@attempt
def leave_the_cgroup() -> object:
    for folder in cgroup_folders():
        try:
            return put(f"{folder}/cgroup.procs", "0")
        except OSError:
            continue
    raise OSError(errno.EROFS, "none of them")


@attempt
def release_agent() -> object:
    for folder in cgroup_folders():
        try:
            return put(f"{folder}/release_agent", "/tmp/x")
        except OSError:
            continue
    raise OSError(errno.EROFS, "none of them")


@attempt
def become_root() -> object:
    os.setuid(0)
    return "root"


@attempt
def become_root_by_sudo() -> object:
    subprocess.run(["sudo", "-n", "true"], check=True, capture_output=True)
    return "root"


@attempt
def become_root_by_su() -> object:
    subprocess.run(["su", "-c", "true"], check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return "root"


@attempt
def take_capabilities() -> object:
    header, data = struct.pack("Ii", 0x20080522, 0), struct.pack("IIIIII", 1 << 21, 1 << 21, 0, 0, 0, 0)
    return "taken" if libc.capset(header, data) == 0 else call("init_module", b"x", 1, b"")


def machine_code(code: bytes) -> Callable[[], int]:
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    function = ctypes.CFUNCTYPE(ctypes.c_long)(address)
    function.memory = memory  # type: ignore[attr-defined]
    return function


def _x86(code: bytes) -> object:
    if os.uname().machine != "x86_64":
        raise OSError(errno.ENOSYS, "another machine")

    def run() -> None:
        result = machine_code(code)()
        if result <= 0:
            raise OSError(-result, "refused")

    return in_child(run)


@attempt
def call_as_i386() -> object:
    """socket(AF_INET, SOCK_STREAM, 0) by the 32-bit door."""
    numbers = b"\xb8\x67\x01\x00\x00\xbb\x02\x00\x00\x00\xb9\x01\x00\x00\x00\x31\xd2"
    return _x86(b"\x53" + numbers + b"\xcd\x80\x5b\xc3")


@attempt
def call_as_x32() -> object:
    """getpid with the bit of the x32 calls."""
    return _x86(b"\xb8\x27\x00\x00\x40\x0f\x05\xc3")


@attempt
def call_from_the_future() -> object:
    return call("future")
