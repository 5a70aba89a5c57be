"""Reaching services and the network."""

from __future__ import annotations

import contextlib
import ctypes
import socket
import subprocess

from tests.escape.attempts.common import CONSOLE, OPEN, WORLD, attempt, call


def connect(family: int, kind: int, address: object) -> str:
    with socket.socket(family, kind) as one:
        one.settimeout(10)
        one.connect(address)  # type: ignore[arg-type]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the other side hangs up at once
            one.send(b"hello")
    return f"connected to {address!r}"


@attempt
def connect_tcp() -> object:
    return connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", WORLD["tcp"]))


@attempt
def connect_tcp_ipv6() -> object:
    return connect(socket.AF_INET6, socket.SOCK_STREAM, ("::1", WORLD["tcp6"]))


@attempt
def send_udp() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", WORLD["udp"]))
        one.send(b"hello")
        one.settimeout(10)
        return f"answered {one.recv(10)!r}"  # the other side answers: in a network of its own nobody does


@attempt
def connect_from_bash() -> object:
    text = f"exec 3<>/dev/tcp/127.0.0.1/{WORLD['tcp']} && echo hello >&3"
    subprocess.run(["bash", "-c", text], check=True, capture_output=True)
    return "connected"


@attempt
def connect_mptcp() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as one:
        one.settimeout(10)
        one.connect(("127.0.0.1", WORLD["tcp"]))
        return "connected"


@attempt
def raw_socket() -> object:
    return socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).fileno()


@attempt
def packet_socket() -> object:
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW).fileno()


@attempt
def machine_socket() -> object:
    return socket.socket(40, socket.SOCK_STREAM).fileno()


@attempt
def crypto_socket() -> object:
    return socket.socket(38, socket.SOCK_SEQPACKET).fileno()


@attempt
def netlink_of_the_firewall() -> object:
    return socket.socket(16, socket.SOCK_RAW, 12).fileno()


@attempt
def netlink_of_events() -> object:
    one = socket.socket(16, socket.SOCK_RAW, 15)
    one.bind((0, 1))
    return one.fileno()


@attempt
def database_socket() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, f"{OPEN}/.s.PGSQL.5432")


@attempt
def docker_socket() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, f"{OPEN}/docker.sock")


@attempt
def docker_socket_through_proc() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, f"/proc/{CONSOLE}/root{OPEN}/docker.sock")


@attempt
def abstract_socket() -> object:
    return connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + WORLD["abstract"])


@attempt
def datagram_socket() -> object:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.sendto(b"hello", f"{OPEN}/log")
    return "sent"


@attempt
def socket_pair_to_a_service() -> object:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"hello", f"{OPEN}/log")
    return "sent"


@attempt
def listen_for_others() -> object:
    if WORLD["policy"] == "restricted":
        raise OSError("a network of its own")
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
    return "listening"


@attempt
def ring() -> object:
    return call("io_uring_setup", 4, ctypes.create_string_buffer(200))
