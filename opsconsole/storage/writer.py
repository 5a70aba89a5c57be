"""The one writer of a console: a thread that owns the writing connection and commits in groups.

A job is a function of the connection. Jobs that wait together are committed together: one fsync for all of them. A
job that fails is rolled back alone. Nothing is on the event loop, so a slow disk never stops the screen.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from opsconsole.errors import OpsError, StorageError
from opsconsole.storage.database import translate

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]


class Writer:
    """Runs jobs in transactions, in order. Close it to commit what waits and end the thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="opsconsole-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        """Run `job` in a transaction; the future resolves after its commit. Errors are OpsErrors."""
        future: Future[T] = Future()
        if self._closed:
            future.set_exception(StorageError("the engine is closed"))
            return future
        self._jobs.put((job, future))
        return future

    def run(self, job: Job[T]) -> T:
        """`submit` and wait."""
        return self.submit(job).result()

    def close(self) -> None:
        """Commit what waits, close the connection. Can be called twice."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            first = self._jobs.get()
            batch = []
            while first is not None:
                batch.append(first)
                try:
                    first = self._jobs.get_nowait()
                except queue.Empty:
                    break
            else:
                going = False
            if batch:
                self._commit(batch)
        self._connection.close()

    def _commit(self, waiting: list[tuple[Job[Any], Future[Any]]]) -> None:
        batch = [(job, future) for job, future in waiting if future.set_running_or_notify_cancel()]
        done: list[tuple[Future[Any], Any]] = []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job, future in batch:
                try:
                    done.append((future, self._one(job, alone=len(batch) == 1)))
                except OpsError as error:
                    future.set_exception(error)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            self._fail(batch, translate(error, self._path), error)
            return
        except BaseException as error:  # noqa: BLE001 - a job's bug belongs to whoever waits for it
            self._roll_back()
            self._fail(batch, error, None)
            return
        for future, value in done:
            future.set_result(value)

    def _one(self, job: Job[T], *, alone: bool) -> T:
        if alone:
            return self._alone(job)
        self._connection.execute("SAVEPOINT job")
        try:
            value = job(self._connection)
        except OpsError:
            self._connection.execute("ROLLBACK TO job")
            raise
        finally:
            self._connection.execute("RELEASE job")
        return value

    def _alone(self, job: Job[T]) -> T:
        try:
            return job(self._connection)
        except OpsError:
            self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN")
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    @staticmethod
    def _fail(batch: list[tuple[Job[Any], Future[Any]]], error: BaseException, cause: BaseException | None) -> None:
        if cause is not None:
            error.__cause__ = cause
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
