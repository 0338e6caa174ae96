import pytest

from agent.errors import ModelBusy
from tests.contracts.chat_model import ChatModelContract, ask, read
from tests.fakes.chat_model import FakeChatModel


class TestFakeChatModel(ChatModelContract):
    @pytest.fixture
    def model(self) -> FakeChatModel:
        return FakeChatModel(otherwise="one two three 🎉")


async def test_queued_texts_come_in_order_and_requests_are_recorded() -> None:
    model = FakeChatModel(["first", "second"])
    assert await read(model, ask("a")) == "first"
    assert await read(model, ask("b")) == "second"
    assert [request.messages[-1]["content"] for request in model.requests] == ["a", "b"]


async def test_a_queued_error_is_raised() -> None:
    model = FakeChatModel([ModelBusy(3), "then"])
    with pytest.raises(ModelBusy):
        await read(model, ask("a"))
    assert await read(model, ask("a")) == "then"
