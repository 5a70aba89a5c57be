from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from queue_table import QueueTable, in_memory

START_US = 1_790_000_000_000_000


@pytest.fixture
def queue() -> Iterator[QueueTable]:
    with closing(in_memory()) as c:
        yield QueueTable(c, now=START_US)
