"""What a thread has freed is the system's again, however large a block somebody freed before."""

from __future__ import annotations

import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, os, sys, threading
from opsconsole.tui.spare_heap import keep_little

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")

if sys.argv[1] == "little" and not keep_little():
    sys.exit("another C library")
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def block(size):
    at = libc.malloc(size)
    ctypes.memset(at, 1, size)
    return at

def work():
    libc.free(block(30 << 20))  # from here on glibc would keep up to twice as much
    blocks = [0] * 300  # not between them
    before = resident()
    for number in range(300):
        blocks[number] = block(60_000)  # 18 MB, of which none is large
    for at in blocks:
        libc.free(at)
    print(resident() - before)

thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


def kept(how: str) -> int:
    """Bytes that a thread keeps of 18 MB that it has freed."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM, how], capture_output=True, text=True, check=False)
    if "another C library" in done.stderr:
        pytest.skip("no glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is asked")
def test_a_thread_keeps_little_of_what_it_has_freed() -> None:
    assert kept("little") < 2 << 20
    assert kept("much") > 8 << 20, "glibc does not keep it any more: the module can go"


_BETWEEN = """
import ctypes, os, sys
from opsconsole.tui.spare_heap import give_back

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE")

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
blocks = [libc.malloc(60_000) for _ in range(600)]
for at in blocks:
    ctypes.memset(at, 1, 60_000)
for at in blocks[:-1]:  # the last one is still wanted, so nothing can be cut off at the end
    libc.free(at)
before = resident()
print(give_back(), before - resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc is asked")
def test_what_lies_before_something_wanted_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _BETWEEN], capture_output=True, text=True, check=True)
    could, given = done.stdout.split()
    if could == "False":
        pytest.skip("no glibc")
    assert int(given) > 20 << 20
