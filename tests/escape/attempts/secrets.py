"""Reading what is secret."""

from __future__ import annotations

import ctypes
import os
import struct

from tests.escape.attempts.common import CONSOLE, HOME, OPEN, STATE, VICTIM, WORLD, attempt, call, get


@attempt
def read_shadow() -> object:
    return get("/etc/shadow")


@attempt
def read_gshadow() -> object:
    return get("/etc/gshadow")


@attempt
def read_a_private_key() -> object:
    return get(f"{HOME}/.ssh/id_ed25519")


@attempt
def read_cloud_credentials() -> object:
    return get(f"{HOME}/.aws/credentials")


@attempt
def read_a_key_through_proc() -> object:
    return get(f"/proc/self/root{HOME}/.ssh/id_ed25519")


@attempt
def read_a_key_through_a_link() -> object:
    return get(f"{OPEN}/to-the-key")


@attempt
def read_another_run() -> object:
    return get(f"{STATE}/runs/99.1/stdout")


@attempt
def read_the_database() -> object:
    return get(f"{STATE}/opsconsole.db")


@attempt
def read_the_consoles_environment() -> object:
    return get(f"/proc/{CONSOLE}/environ")


@attempt
def follow_the_consoles_descriptors() -> object:
    return f"found {os.readlink(f'/proc/{CONSOLE}/fd/0')}"


@attempt
def read_another_process() -> object:
    return get(f"/proc/{VICTIM}/environ")


@attempt
def read_memory_of_a_process() -> object:
    with open(f"/proc/{VICTIM}/maps") as file:
        start = int(file.readline().split("-")[0], 16)
    with open(f"/proc/{VICTIM}/mem", "rb") as file:
        file.seek(start)
        return f"read {file.read(4)!r}"


@attempt
def vm_read_a_process() -> object:
    buffer = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(buffer), 8)
    return call("process_vm_readv", VICTIM, local, 1, struct.pack("QQ", WORLD["address"], 8), 1, 0)


@attempt
def read_a_raw_disk() -> object:
    disk = next(f"/dev/{name}" for name in os.listdir("/dev") if name.startswith(("sd", "vd", "nvme", "dm-")))
    return get(disk)


@attempt
def open_by_handle() -> object:
    handle = struct.pack("Ii", 8, 1) + struct.pack("II", 2, 0)
    fd = os.open("/", os.O_RDONLY)
    return call("open_by_handle_at", fd, handle, os.O_RDONLY)
