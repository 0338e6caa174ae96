"""Waiting for what the service does behind the requests."""

import time
from typing import Any

from starlette.testclient import TestClient

PATIENCE_S = 60


def wait_for_job(client: TestClient, job_id: str) -> dict[str, Any]:
    """Return a job of triage once it is done or has failed."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        job: dict[str, Any] = client.get(f"/v1/triage/jobs/{job_id}").json()
        if job["state"] in {"done", "failed"}:
            return job
        time.sleep(0.05)
    raise AssertionError(job)
