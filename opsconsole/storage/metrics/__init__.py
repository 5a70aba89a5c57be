"""The history of metrics in a file of its own, `metrics.db`: bulk data must not hold the lock of the queue's database.

`recorder` writes, `graphs` reads, `rollup` does the sums, `retention` forgets, `file` opens; `store` is the front.
"""

from opsconsole.storage.metrics.graphs import Graph
from opsconsole.storage.metrics.rollup import Point
from opsconsole.storage.metrics.store import MetricsStore

__all__ = ["Graph", "MetricsStore", "Point"]
