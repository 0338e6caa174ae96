"""Conversations that the agent brought to an end: told once, after a day of quiet."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import anyio
from sqlalchemy import select

from agent.state import Outcome, Reason
from api.assembly import make_id
from api.storage.database import read_from
from api.storage.desk_tables import outbox
from api.storage.ledger import Ledger
from api.storage.outbox import RESOLVED
from api.storage.resolutions import Resolutions
from api.webhooks.upkeep import Upkeep
from tests.api.replies import make_reply
from tests.api.webhooks.offices import Office, wait_until

DAY = timedelta(hours=24)
MINUTE = timedelta(minutes=1)


class Desk:
    """Conversations in an office, and what becomes of them."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.ledger = Ledger(office.engine, office.clock, make_id)
        self.resolutions = Resolutions(office.engine, office.clock, make_id, DAY)

    def converse(self, outcome: Outcome, conversation_id: str | None = None) -> tuple[str, str]:
        found = conversation_id or self.ledger.start_conversation("public").id
        turn = self.ledger.begin_turn(found, "When does my refund arrive?")
        reason = Reason.ASKED_FOR_PERSON if outcome is Outcome.HANDED_OFF else Reason.SUPPORTED
        self.ledger.finish_turn(turn.id, make_reply(outcome=outcome, reason=reason))
        return found, turn.id

    def read_told(self) -> Sequence[dict[str, Any]]:
        wanted = select(outbox.c.payload).where(outbox.c.kind == RESOLVED)
        with read_from(self.office.engine) as connection:
            return list(connection.scalars(wanted.order_by(outbox.c.created_at)))


def test_an_answered_conversation_is_resolved_after_a_day_once_for_each_last_turn(
    each_office: Office,
) -> None:
    desk, clock = Desk(each_office), each_office.clock
    answered_at = clock().isoformat()
    conversation, _ = desk.converse(Outcome.ANSWERED)
    clock.move(DAY - MINUTE)
    assert desk.resolutions.settle() == 0
    clock.move(MINUTE)
    assert desk.resolutions.settle() == 1
    assert desk.resolutions.settle() == 0
    told = {"conversation_id": conversation, "resolved_by": "agent", "at": answered_at}
    assert desk.read_told() == [told]
    desk.converse(Outcome.ANSWERED, conversation)
    clock.move(DAY)
    assert desk.resolutions.settle() == 1
    assert [one["conversation_id"] for one in desk.read_told()] == [conversation] * 2


def test_what_is_not_resolved_is_not_said_to_be(each_office: Office) -> None:
    desk, clock = Desk(each_office), each_office.clock
    for outcome in (Outcome.CLARIFIED, Outcome.ABSTAINED, Outcome.HANDED_OFF):
        desk.converse(outcome)
    asks_again, _ = desk.converse(Outcome.ANSWERED)
    desk.ledger.begin_turn(asks_again, "And by card?")
    refers, _ = desk.converse(Outcome.ANSWERED)
    desk.converse(Outcome.ABSTAINED, refers)
    _, disliked = desk.converse(Outcome.ANSWERED)
    desk.ledger.rate(disliked, helpful=False)
    liked, turn_id = desk.converse(Outcome.ANSWERED)
    desk.ledger.rate(turn_id, helpful=True)
    clock.move(DAY)
    assert desk.resolutions.settle() == 1
    assert [one["conversation_id"] for one in desk.read_told()] == [liked]


def test_what_was_cleared_from_the_outbox_is_not_told_again(each_office: Office) -> None:
    desk, clock = Desk(each_office), each_office.clock
    desk.converse(Outcome.ANSWERED)
    for _ in range(33):
        clock.move(DAY)
        desk.resolutions.settle()
        each_office.deliveries.clear()
    assert desk.read_told() == []
    assert desk.resolutions.settle() == 0


async def test_upkeep_goes_round_and_wakes_who_sends(office: Office) -> None:
    desk, woken = Desk(office), []
    desk.converse(Outcome.ANSWERED)
    office.clock.move(DAY)

    async def pause(seconds: float) -> None:
        assert seconds == 300
        office.clock.move(timedelta(seconds=seconds))
        await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        upkeep = Upkeep(desk.resolutions, office.deliveries, lambda: woken.append(1), pause)
        group.start_soon(upkeep.run)
        await wait_until(desk.read_told)
        await wait_until(lambda: woken)
        group.cancel_scope.cancel()
    assert len(woken) == len(desk.read_told()) == 1
