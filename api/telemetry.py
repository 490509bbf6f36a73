"""What Prometheus may read. One registry per application, so that tests can have several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.errors import Unavailable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class Telemetry:
    """Counters that this process keeps, and gauges read from the database at each scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "occam_http_requests", "HTTP requests.", ("method", "route", "status"),
            registry=self.registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "occam_http_request_duration_seconds", "Time from request to the end of its answer.",
            ("method", "route"), buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.followers = Gauge(
            "occam_stream_followers", "Open event streams.", registry=self.registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one finished request; unknown methods share one label, or a client could
        make any number of series."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def watch(self, name: str, text: str, label: str, read: Callable[[], Counts]) -> None:
        """A gauge per label value, read when Prometheus asks."""
        self.registry.register(_FromDatabase(name, text, label, read))

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


Counts = Mapping[str, float]
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _FromDatabase(Collector):
    def __init__(self, name: str, text: str, label: str, read: Callable[[], Counts]) -> None:
        self._name, self._text, self._label, self._read = name, text, label, read

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # or the registry would query the database when the gauge is registered

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Nothing while the database is away: what this process counts itself is still worth
        reading, then more than ever."""
        family = GaugeMetricFamily(self._name, self._text, labels=[self._label])
        try:
            counts = self._read()
        except Unavailable:
            return
        for value, number in counts.items():
            family.add_metric([value], number)
        yield family
