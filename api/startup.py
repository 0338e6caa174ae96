"""How far the service has come since it began to listen."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from api.assembly import Services

CHECKS = ("migrations", "index", "model")
READY = "ready"
STARTING = "starting"


class NotReady(Exception):  # noqa: N818 - it reads as what happened
    """The service cannot answer yet; try again after `retry_after_s`."""

    def __init__(self, detail: str, retry_after_s: float | None) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Startup:
    """Knows which checks have passed, and holds the services once all have."""

    def __init__(self) -> None:
        self.checks = dict.fromkeys(CHECKS, STARTING)
        self._services: Services | None = None
        self._failed = False

    @property
    def ready(self) -> bool:
        """Whether questions can be answered."""
        return self._services is not None

    @property
    def services(self) -> "Services":
        """The opened services; raises NotReady before that."""
        if self._services is not None:
            return self._services
        if self._failed:
            raise NotReady("The service could not start; /readyz says why.", None)
        raise NotReady("The service is starting; try again in a few seconds.", 3)

    def pass_check(self, name: str) -> None:
        """Note that one check is ready."""
        self.checks[name] = READY

    def finish(self, services: "Services") -> None:
        """Note that everything is open."""
        self.checks = dict.fromkeys(CHECKS, READY)
        self._services = services

    def fail(self, reason: str) -> None:
        """Note that the first check that is not ready never will be."""
        self._failed = True
        waiting = [name for name, state in self.checks.items() if state == STARTING]
        self.checks[waiting[0] if waiting else CHECKS[-1]] = f"failed: {reason}"

    def close(self) -> None:
        """Note that the services are going away."""
        self._services = None
