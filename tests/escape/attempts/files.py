"""Writing what is not its own."""

from __future__ import annotations

import errno
import os
import struct
import sys

from tests.escape.attempts.common import HOME, OPEN, STATE, attempt, get, put


@attempt
def make_a_file() -> object:
    return put(f"{OPEN}/new")


@attempt
def overwrite_a_file() -> object:
    return put(f"{OPEN}/file")


@attempt
def append_to_a_file() -> object:
    return put(f"{OPEN}/file", mode="a")


@attempt
def truncate_a_file() -> object:
    os.truncate(f"{OPEN}/file", 0)
    return "truncated"


@attempt
def truncate_by_reading() -> object:
    os.close(os.open(f"{OPEN}/file", os.O_RDONLY | os.O_TRUNC))
    return "truncated"


@attempt
def change_the_mode() -> object:
    os.chmod(f"{OPEN}/own", 0o700)
    return "changed"


@attempt
def change_the_group() -> object:
    os.chown(f"{OPEN}/own", -1, os.getgid())
    return "changed"


@attempt
def change_the_times() -> object:
    os.utime(f"{OPEN}/own", (1, 1))
    return "changed"


@attempt
def set_an_attribute() -> object:
    os.setxattr(f"{OPEN}/own", "user.mark", b"x")
    return "set"


@attempt
def set_file_flags() -> object:
    import fcntl

    with open(f"{OPEN}/own") as file:
        flags = bytearray(8)
        fcntl.ioctl(file, 0x80086601, flags)
        fcntl.ioctl(file, 0x40086602, struct.pack("q", struct.unpack("q", flags)[0] | 0x80))
    return "set"


@attempt
def rename_a_file() -> object:
    os.rename(f"{OPEN}/own", f"{OPEN}/renamed")
    os.rename(f"{OPEN}/renamed", f"{OPEN}/own")
    return "renamed"


@attempt
def link_a_secret() -> object:
    os.link(f"{HOME}/.ssh/id_ed25519", f"{OPEN}/linked")
    return get(f"{OPEN}/linked")


@attempt
def make_a_symlink() -> object:
    os.symlink("/etc/shadow", f"{OPEN}/symlink")
    return "made"


@attempt
def remove_a_file() -> object:
    os.unlink(f"{OPEN}/removable")
    return "removed"


@attempt
def make_a_folder() -> object:
    os.mkdir(f"{OPEN}/folder")
    return "made"


@attempt
def remove_a_folder() -> object:
    os.rmdir(f"{OPEN}/empty")
    return "removed"


@attempt
def make_a_fifo() -> object:
    os.mkfifo(f"{OPEN}/fifo")
    return "made"


@attempt
def make_a_device() -> object:
    os.mknod(f"{OPEN}/disk", 0o600 | 0o060000, os.makedev(8, 0))
    return "made"


@attempt
def write_through_proc_root() -> object:
    return put(f"/proc/self/root{OPEN}/through-root")


@attempt
def write_through_init_root() -> object:
    return put(f"/proc/1/root{OPEN}/through-init")


@attempt
def write_through_dots() -> object:
    return put(f"{'../' * 30}{OPEN}/through-dots")


@attempt
def write_through_a_descriptor() -> object:
    fd = os.open(OPEN, os.O_PATH)
    os.close(os.open("through-fd", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd))
    return "wrote"


@attempt
def a_name_with_a_newline() -> object:
    return put(f"{OPEN}/0\nx00\n; rm -rf .")


@attempt
def a_name_of_control_bytes() -> object:
    return put(os.fsdecode(OPEN.encode() + b"/\x1b]52;c;eA==\x07\xff\x9b31m"))


@attempt
def install_a_cron_job() -> object:
    return put("/etc/cron.d/escape", "* * * * * root true\n")


@attempt
def preload_a_library() -> object:
    return put("/etc/ld.so.preload")


@attempt
def write_to_a_disk() -> object:
    disk = next(f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(("sd", "vd", "nvme", "loop", "dm-")))
    with open(disk, "r+b") as file:
        return f"opened {file.name}"


@attempt
def rewrite_the_script() -> object:
    script = sys.argv[0]
    return put(script, "#", mode="a")


@attempt
def write_into_the_state_directory() -> object:
    return put(f"{STATE}/planted")


@attempt
def forge_the_result() -> object:
    return put(f"{os.environ['OPSCONSOLE_RUN_FOLDER']}/result.json", "{}")


@attempt
def tell_the_supervisor() -> object:
    return put(f"{os.environ['OPSCONSOLE_RUN_FOLDER']}/commands", '{"op": "cancel"}\n', mode="a")


@attempt
def write_to_an_inherited_descriptor() -> object:
    for name in os.listdir("/proc/self/fd"):
        try:
            if int(name) > 2 and os.pwrite(int(name), b"x", 0):
                return f"wrote to descriptor {name}"
        except OSError:
            continue
    raise OSError(errno.EBADF, "none could be written to")
