"""A connection that somebody else can break off, and that no receiver can hold for longer than its time."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType

from opsconsole.monitoring.alerts.notifiers.errors import DeliveryError


class Line:
    """`timeout_s` for each answer and `total_s` for everything, by the real clock: a drip of bytes does not count.

    As a context it runs the total's clock. `cancel` may be called from any thread, at any time, also before.
    """

    def __init__(self, timeout_s: float, total_s: float | None = None) -> None:
        self.timeout_s = timeout_s
        self.cancelled = False
        self.expired = False
        self._handle: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(timeout_s if total_s is None else total_s, self._expire)
        self._timer.daemon = True

    def __enter__(self) -> Line:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()
        with self._lock:
            self._forget()

    def connect(self, host: str, port: int) -> socket.socket:
        """A TCP connection with the timeout set. Raises OSError, of which TimeoutError when the total is over, and
        DeliveryError when it was cancelled."""
        failed: OSError | None = None
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            sock = socket.socket(family, kind, protocol)
            try:
                self._keep(sock)
                sock.settimeout(self.timeout_s)
                sock.connect(address)
                self._check()  # a shutdown that came before there was a connection does nothing
                return sock
            except OSError as error:
                failed = error
                sock.close()
            except BaseException:
                sock.close()
                raise
        raise failed or OSError(f"{host} has no address")

    def cancel(self) -> None:
        """Break it off: whoever waits on it gets an error at once."""
        with self._lock:
            self.cancelled = True
            self._shut()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            self._shut()

    def _check(self) -> None:
        if self.cancelled:
            raise DeliveryError("broken off")
        if self.expired:
            raise TimeoutError

    def _keep(self, sock: socket.socket) -> None:
        with self._lock:
            self._check()
            self._forget()
            self._handle = sock.dup()  # TLS puts another object in the socket's place; this one reaches both

    def _shut(self) -> None:
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._handle.shutdown(socket.SHUT_RDWR)

    def _forget(self) -> None:
        if self._handle is not None:
            self._handle.close()
            self._handle = None
