"""Suggested replies to tickets, by the agent and verifier that the widget has too."""

from agent.errors import ModelBusy, ModelFailed
from agent.lanes import Lane
from agent.triage.writing import Cells
from api.ports import Assistant


async def draft_reply(assistant: Assistant, text: str) -> Cells:
    """Return a verified draft and its sources, both empty where the articles hold no answer."""
    try:
        suggestion = await assistant.suggest(text, lane=Lane.BATCH)
    except (ModelBusy, ModelFailed) as error:
        return {"draft": "", "sources": f"not drafted: {error}"}
    titles = dict.fromkeys(source.title for source in suggestion.sources)
    return {"draft": suggestion.text, "sources": "; ".join(titles) if suggestion.text else ""}
