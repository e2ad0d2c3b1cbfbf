"""The queues' numbers as Prometheus metrics. Totals per queue only: no tenant is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cotiza_queue import Status
from cotiza_queue.model.job import QueueMetrics

_QUANTILES = {"0.5": "p50", "0.95": "p95", "0.99": "p99"}
_PLACES = (
    Status.WAITING, Status.DELAYED, Status.ACTIVE,
    Status.COMPLETED, Status.FAILED, Status.CANCELLED,
)  # fmt: skip


class QueueGauges(Collector):
    """One reading of all queues. Times are seconds, as Prometheus has them."""

    def __init__(self, queues: Sequence[QueueMetrics]) -> None:
        self._queues = queues

    def collect(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("cotiza_queue_jobs", "Jobs by status.", labels=["queue", "status"])
        times = GaugeMetricFamily(
            "cotiza_queue_processing_seconds",
            "How long an attempt ran, by quantile.",
            labels=["queue", "quantile"],
        )
        oldest = _gauge("oldest_waiting_seconds", "Age of the oldest waiting job.")
        paused = _gauge("paused", "1 while the queue hands out no jobs.")
        letters = _gauge("dead_letters", "Jobs that failed for good and wait for a person.")
        workers = _gauge("workers", "Live worker processes.")
        rate = _gauge("completed_per_minute", "Jobs completed in the last minute.")
        for queue in self._queues:
            for status in _PLACES:
                jobs.add_metric([queue.name, status], getattr(queue, status))
            for quantile, name in _QUANTILES.items():
                times.add_metric([queue.name, quantile], getattr(queue, name) / 1000)
            oldest.add_metric([queue.name], queue.oldest_waiting_ms / 1000)
            paused.add_metric([queue.name], int(queue.paused))
            letters.add_metric([queue.name], queue.dead_letters)
            workers.add_metric([queue.name], queue.workers)
            rate.add_metric([queue.name], queue.throughput_per_minute)
        yield from (jobs, times, oldest, paused, letters, workers, rate)


def _gauge(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cotiza_queue_{name}", text, labels=["queue"])
