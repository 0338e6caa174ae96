"""Another embedded model in the place of the one at work, while the service runs."""

from agent.errors import ModelUnusable
from agent.models.catalogue import UnknownModel, find
from agent.models.fleet import Fleet
from agent.ports import ChatModel
from api.assembly import start_embedded, warm_up
from api.refusals import ModelRefused
from api.settings import Settings

ANSWERING = {"answers", "answers-large", "small"}


async def succeed(settings: Settings, model: ChatModel, name: str) -> None:
    """Start the model of that name beside the one at work, and let it answer from then on.

    What is being written is finished by the model that began it. Nothing is done if it answers
    already. Raises ModelRefused, after which everything is as before.
    """
    if not isinstance(model, Fleet):
        raise ModelRefused("The model is at FRONTDESK_MODEL_URL: change it there.")
    try:
        entry = find(name)
        if entry.role not in ANSWERING:
            raise ModelRefused(f"{name} finds passages; it can't answer.")
        if entry.sha256 == model.sha256:
            return
        successor = await start_embedded(settings, name)
    except (UnknownModel, ModelUnusable) as error:
        raise ModelRefused(str(error)) from error
    try:
        await warm_up(successor, settings.company)
    except BaseException:
        await successor.aclose()
        raise
    model.succeed(successor)
