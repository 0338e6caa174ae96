"""Whether the service is alive, ready, and how it fares."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.dependencies import own_metrics, read_startup
from api.metrics import Metrics
from api.schemas import Health, Readiness
from api.startup import Startup

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def read_health() -> Health:
    """Answer as long as the process lives."""
    return Health()


@router.get("/readyz", responses={503: {"model": Readiness, "description": "Not ready."}})
async def read_readiness(
    startup: Annotated[Startup, Depends(read_startup)], response: Response
) -> Readiness:
    """Say whether questions can be answered, and what is missing."""
    response.status_code = 200 if startup.ready else 503
    return Readiness(ready=startup.ready, checks=startup.checks)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def read_metrics(metrics: Annotated[Metrics, Depends(own_metrics)]) -> Response:
    """Return the figures for Prometheus."""
    return Response(metrics.render(), media_type=CONTENT_TYPE_LATEST)
