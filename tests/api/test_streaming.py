"""Over a real socket: what happens when somebody leaves."""

import anyio
import httpx2
from anyio import Event as Signal

from api.assembly import Services
from tests.api.assistants import FakeAssistant
from tests.api.frames import read_frames


async def test_who_leaves_frees_the_model_and_may_come_back(
    online: httpx2.AsyncClient, assistant: FakeAssistant, services: Services
) -> None:
    assistant.gate = Signal()
    async with online.stream("POST", "messages", json={"text": "Hi"}) as response:
        assert response.status_code == 200
        turn_id = response.headers["turn-id"]
        async for line in response.aiter_lines():
            assert line == "event: sources"
            break
        assert [turn.id for turn in services.ledger.pending_turns()] == [turn_id]
    with anyio.fail_after(10):
        await assistant.left.wait()
    assert [turn.id for turn in services.ledger.pending_turns()] == [turn_id]
    assistant.gate.set()
    again = await online.get(f"turns/{turn_id}/events")
    assert [name for name, _ in read_frames(again.text)] == ["sources", "sentence", "done"]
    assert services.ledger.pending_turns() == []


async def test_sources_come_before_the_answer_is_made(
    online: httpx2.AsyncClient, assistant: FakeAssistant
) -> None:
    assistant.gate = Signal()
    seen = []
    async with online.stream("POST", "messages", json={"text": "Hi"}) as response:
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                seen.append(line)
                assistant.gate.set()
    assert seen == ["event: sources", "event: sentence", "event: done"]


async def test_a_message_sent_twice_at_once_is_answered_once(
    online: httpx2.AsyncClient, assistant: FakeAssistant
) -> None:
    assistant.gate = Signal()
    texts = []

    async def send() -> None:
        body = {"text": "Hi", "message_id": "m1"}
        texts.append((await online.post("messages", json=body)).text)

    async with anyio.create_task_group() as group:
        group.start_soon(send)
        group.start_soon(send)
        await anyio.sleep(0.2)
        assistant.gate.set()
    assert texts[0] == texts[1]
    assert len(assistant.asked) == 1
