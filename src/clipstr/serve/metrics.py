"""What a service counts and times, in the form of Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The numbers of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "clipstr_requests_total",
            "Requests by path and status.",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "clipstr_request_seconds",
            "From a request's head to the end of its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.pictures = Counter(
            "clipstr_pictures_total",
            "Pictures that were answered, by path and by outcome (read, or the error's type).",
            ["path", "outcome"],
            registry=self.registry,
        )
        self.batch_size = Histogram(
            "clipstr_batch_size", "Pictures read together.", ["path"], buckets=_SIZES, registry=self.registry
        )
        self.batch_seconds = Histogram(
            "clipstr_batch_seconds",
            "Seconds of one batch.",
            ["path"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "clipstr_requests_in_flight", "Requests being answered.", registry=self.registry
        )

    def lane(self, path: str, items: str, waiting: Callable[[], float]) -> Callable[[int, float], None]:
        """What is told the size and the seconds of each batch of ``path``.

        Shows ``waiting()``, how many of its ``items`` wait, as well.
        """
        self.watch(f"clipstr_queue_{items}", f"Pictures that wait at {path}.", waiting)
        sizes, seconds = self.batch_size.labels(path), self.batch_seconds.labels(path)

        def observe(size: int, duration: float) -> None:
            sizes.observe(size)
            seconds.observe(duration)

        return observe

    def watch(self, name: str, description: str, value: Callable[[], float]) -> None:
        """Shows ``value()`` as the gauge ``name``."""
        Gauge(name, description, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """All of it as Prometheus reads it."""
        return generate_latest(self.registry)
