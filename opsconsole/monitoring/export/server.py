"""Serving /metrics over HTTP, to whoever may connect to the address; by default that is this host only.

A browser on this host must not be talked into reading it for a stranger's page (DNS rebinding): a request whose Host is
a name, other than this host's own, is refused. Everything is bounded: size and time of a request, requests at once.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opsconsole.errors import UsageError
from opsconsole.monitoring.export.prometheus import CONTENT_TYPE

REQUEST_S = 5.0
REQUEST_BYTES = 16 * 1024
AT_ONCE = 8

_PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>opsconsole</title></head>
<body><h1>opsconsole</h1><p><a href="/metrics">Metrics</a></p></body></html>
"""
_log = logging.getLogger("opsconsole.metrics.server")


def serve(
    address: str, text: Callable[[], str], tell: Callable[[str], None] = _log.warning, *, request_s: float = REQUEST_S
) -> Server:
    """Serve what `text` returns (called in a thread of the server's) at `address`, "HOST:PORT", and exactly there.

    Raises UsageError: it is no such address, or cannot be listened on. `tell` hears when others than this host can
    connect.
    """
    host, port = split(address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise UsageError(f"cannot listen on {address}: {error.strerror or error}") from error
    family, _, _, _, where = found[0]
    try:
        http = _Http(family, where, host, text, request_s)
    except OSError as error:
        hint = "choose another port with HOST:PORT" if port else ""
        raise UsageError(f"cannot listen on {address}: {error.strerror or error}", hint=hint) from error
    if not ipaddress.ip_address(str(where[0]).partition("%")[0]).is_loopback:
        tell(f"{address} is not a loopback address: whoever reaches it can read this host's metrics, process names too")
    return Server(http)


def split(address: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:9101" or "[::1]:9101". Raises UsageError."""
    host, _, port = address.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        host = ""
    if not host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise UsageError(f"{address!r} is not an address to listen on", hint='HOST:PORT, such as "127.0.0.1:9101"')
    return host, int(port)


class Server:
    """A running server. `close` ends it at once; answers under way are cut off."""

    def __init__(self, http: _Http) -> None:
        self._http = http
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="opsconsole-metrics-http", daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """HOST:PORT it listens on."""
        host, port = self._http.server_address[:2]
        return f"[{host!s}]:{port}" if ":" in str(host) else f"{host!s}:{port}"

    def close(self) -> None:
        """Can be called twice."""
        if self._thread.is_alive():
            self._wake.send(b"x")
            self._thread.join()
        self._http.server_close()
        self._http.cut_off()
        self._wake.close()
        self._woken.close()

    def _serve(self) -> None:
        # not serve_forever: it looks twice a second whether it shall end
        with selectors.DefaultSelector() as ready:
            ready.register(self._http, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            while not any(key.fileobj is self._woken for key, _ in ready.select()):
                self._http.handle_request()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    timeout = 0  # whoever calls handle_request knows that there is one

    def __init__(self, family: int, where: Any, host: str, text: Callable[[], str], request_s: float) -> None:
        self.address_family = family
        self.names = {"localhost", host.lower(), socket.gethostname().lower()}
        self.text = text
        self.request_s = request_s
        self.failed = False
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._open: set[socket.socket] = set()
        self._opening = threading.Lock()
        super().__init__(where, _Handler)

    def server_bind(self) -> None:
        # HTTPServer's looks up the host's full name, which may take seconds
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._opening:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._opening:
                self._open.discard(request)
            self._places.release()

    def cut_off(self) -> None:
        with self._opening:
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a request was not answered", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    server_version, sys_version = "opsconsole", ""

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(_Bounded(self.connection, self.server.request_s))

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        if not self._host_is_ours():
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain; charset=utf-8", b"unknown host\n", body)
            return
        path = self.path.partition("?")[0]
        if path == "/":
            self._send(HTTPStatus.OK, "text/html; charset=utf-8", _PAGE, body)
        elif path == "/metrics":
            try:
                text = self.server.text().encode("utf-8", "replace")
            except Exception as error:  # noqa: BLE001 - a scrape that fails must not end the server
                if not self.server.failed:
                    self.server.failed = True
                    _log.warning("metrics cannot be served: %s", error)
                self._send(HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", b"no metrics\n", body)
                return
            self.server.failed = False
            self._send(HTTPStatus.OK, CONTENT_TYPE, text, body)
        else:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"not found\n", body)

    def _send(self, status: HTTPStatus, kind: str, content: bytes, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body:
            self.connection.settimeout(self.server.request_s)
            self.wfile.write(content)

    def _host_is_ours(self) -> bool:
        """An address, or a name this host is called. Only a browser could be misled, and it always says a host."""
        given = self.headers.get_all("Host") or []
        if len(given) != 1:
            return not given
        host = given[0].strip().lower()
        host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        if host in self.server.names:
            return True
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return False
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads who asked; a peer's bytes stay out of the log."""


class _Bounded(io.RawIOBase):
    """What a peer sends, up to a size and for a time in all: one byte a second is no way around it."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._until = time.monotonic() + seconds
        self._left = REQUEST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0 or self._left <= 0:
            raise TimeoutError("the request is too long")
        self._connection.settimeout(left)
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count
