"""Which model answers, and another in its place."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from agent.ports import ChatModel
from api.dependencies import OpenServices
from api.interop.callers import AdmittedCaller, admit
from api.refusals import ModelRefused
from api.schemas import Plain, Problem, Wire
from api.storage.api_keys import KeyRefused
from api.succession import succeed
from knowledge_base.articles import STAFF

NEEDS_STAFF = (
    "Only a key that reads staff's articles may change the model: "
    "`frontdesk key add NAME --audience staff`."
)
REFUSED: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The key is missing, revoked, or a customer's."},
    503: {"model": Problem, "description": "Starting, or out of order; see `Retry-After`."},
}
REFUSED_MODEL: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "That model can't be had; nothing has changed."}
}

router = APIRouter(
    prefix="/v1/model", tags=["model"], dependencies=[Depends(admit)], responses=REFUSED
)


class ModelChoice(Wire):
    """The model that is to answer, by its catalogue name."""

    name: Annotated[Plain, Field(min_length=1, max_length=100)]


class AnsweringModel(Wire):
    """The model that answers: its name, and its file's sha256 where that is known."""

    name: str
    sha256: str


@router.get("")
async def read_model(services: OpenServices) -> AnsweringModel:
    """Say which model answers."""
    return _view(services.model)


@router.put("", responses=REFUSED_MODEL)
async def change_model(
    choice: ModelChoice, caller: AdmittedCaller, services: OpenServices, request: Request
) -> AnsweringModel:
    """Start another model and let it answer from then on; what runs is finished by the old one.

    It answers when the new model does. The next start of the service takes FRONTDESK_MODEL again.
    """
    if caller.audience != STAFF:
        raise KeyRefused(NEEDS_STAFF)
    changing = request.app.state.changing_model
    if changing.locked():
        raise ModelRefused("Another model is being started; wait until it answers.")
    async with changing:
        await succeed(services.settings, services.model, choice.name)
    return _view(services.model)


def _view(model: ChatModel) -> AnsweringModel:
    return AnsweringModel(name=model.name, sha256=model.sha256)
