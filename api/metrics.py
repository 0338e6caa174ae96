"""What Prometheus may know."""

from collections.abc import Iterator
from dataclasses import fields

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from agent.ports import Metered, Usage
from agent.state import Reply

SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 21, 34, 60)


class ModelUsage(Collector):
    """What a model has done, as it counts it itself."""

    def __init__(self, model: Metered) -> None:
        self._model = model

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield a counter for each of its figures."""
        for field in fields(Usage):
            value = getattr(self._model.usage, field.name)
            name = f"frontdesk_model_{field.name}"
            yield CounterMetricFamily(name, f"The model's {field.name}.", value=value)


class Metrics:
    """The service's figures, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._turns = Counter(
            "frontdesk_turns",
            "Turns that ended.",
            ["outcome", "reason"],
            registry=self.registry,
        )
        self._first = Histogram(
            "frontdesk_first_sentence_seconds",
            "From a turn's beginning to its first sentence.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._total = Histogram(
            "frontdesk_turn_seconds", "All of a turn.", buckets=SECONDS, registry=self.registry
        )
        self.in_flight = Gauge(
            "frontdesk_turns_in_flight", "Turns running or waiting.", registry=self.registry
        )
        self._failures = Counter(
            "frontdesk_model_failures", "Failures by kind.", ["kind"], registry=self.registry
        )
        self._requests = Counter(
            "frontdesk_http_requests",
            "Requests by route, method and status.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self._webhooks = Counter(
            "frontdesk_webhook_messages",
            "Tries to tell a webhook something: sent, put off, or failed for good.",
            ["kind", "result"],
            registry=self.registry,
        )
        self.webhooks_pending = Gauge(
            "frontdesk_webhook_messages_pending",
            "Messages still to arrive at webhooks.",
            registry=self.registry,
        )

    def count_turn(self, reply: Reply) -> None:
        """Count a turn that has just ended."""
        self._turns.labels(reply.outcome.value, reply.reason.value).inc()
        self._total.observe(reply.timings.total_s)
        if reply.timings.first_sentence_s is not None:
            self._first.observe(reply.timings.first_sentence_s)

    def count_failure(self, error: Exception) -> None:
        """Count a turn that the model, or we, let down."""
        self._failures.labels(type(error).__name__).inc()

    def count_request(self, route: str, method: str, status: int) -> None:
        """Count an answered request."""
        self._requests.labels(route, method, str(status)).inc()

    def watch_model(self, model: object) -> None:
        """Show what a model has done, if it counts that."""
        if isinstance(model, Metered):
            self.registry.register(ModelUsage(model))

    def count_webhook(self, kind: str, result: str) -> None:
        """Count a try to tell a webhook something: `sent`, `put_off` or `failed`."""
        self._webhooks.labels(kind, result).inc()

    def render(self) -> bytes:
        """Return the figures in Prometheus's text format."""
        return generate_latest(self.registry)
