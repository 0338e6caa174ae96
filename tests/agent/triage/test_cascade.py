from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from agent.errors import ModelFailed
from agent.state import Reason
from agent.triage.cascade import Cascade, Parts
from agent.triage.cells import list_columns, to_cells
from agent.triage.choosing import ModelChooser
from agent.triage.costs import Cost
from agent.triage.hearing import Teacher
from agent.triage.verdicts import Sense, Stage
from tests.agent.triage.histories import (
    learn_demo,
    make_encoders,
    make_teacher,
    make_tickets,
    open_cascade,
)
from tests.fakes.chat_model import FakeChatModel

KNOWN = "The key breaks in the lock, we can't get in."
DOUBTFUL = "what about the door and the refund"
STRANGE = "zygote quasar"


class Chooser:
    """Chooses a place among the candidates, and keeps what it was asked."""

    def __init__(self, place: int | None) -> None:
        self._place = place
        self.asked: list[tuple[str, ...]] = []

    async def choose(
        self, text: str, candidates: Sequence[str], examples: Mapping[str, str]
    ) -> str | None:
        del text
        assert set(examples) <= set(learn_demo()[0].judges[0].names)
        self.asked.append(tuple(candidates))
        return None if self._place is None else candidates[self._place]


async def test_the_words_of_a_labelled_ticket_are_its_category_whatever_their_case() -> None:
    cascade = open_cascade(learn_demo()[0], threshold=0.0)
    same, other = await cascade.triage(
        make_tickets(KNOWN.upper() + "!!", "Please cancel reservation 10000, I am ill.")
    )
    assert (same.stage, same.decisions["category"].value) == (Stage.DUPLICATE, "check_in")
    assert same.decisions["category"].confidence == 1.0
    assert other.decisions["category"].value == "cancellation"
    assert "labelled ticket" in other.why


async def test_what_was_triaged_before_is_not_judged_again() -> None:
    cascade = open_cascade(learn_demo()[0], threshold=0.0)
    text = "my refund has not been sent to me"
    first, second = await cascade.triage(make_tickets(text, text + "."))
    (third,) = await cascade.triage(make_tickets(text.title()))
    assert first.stage is not Stage.DUPLICATE
    assert second.stage is third.stage is Stage.DUPLICATE
    assert second.decisions == third.decisions == first.decisions


async def test_the_unsure_go_to_a_person_with_a_guess_and_reasons() -> None:
    (triage,) = await open_cascade(learn_demo()[0], threshold=1.0).triage(make_tickets(DOUBTFUL))
    assert triage.stage is Stage.PERSON
    assert triage.needs_person in {Sense.UNSURE, Sense.OUT_OF_SCOPE}
    assert triage.decisions["priority"].value == ""
    assert triage.decisions["category"].guess in learn_demo()[0].judges[0].names
    assert triage.why.startswith("like «")
    chances = [chance for _, chance in triage.candidates["category"]]
    assert chances == sorted(chances, reverse=True)


async def test_without_a_threshold_all_but_the_strange_is_decided() -> None:
    cascade = open_cascade(learn_demo()[0], threshold=0.0)
    triaged = await cascade.triage(make_tickets(DOUBTFUL, STRANGE))
    assert triaged[1].needs_person == Sense.OUT_OF_SCOPE
    assert triaged[1].decisions["category"].value == ""


async def test_the_model_that_agrees_makes_a_guess_surer_and_one_that_does_not_leaves_it() -> None:
    classifier = replace(learn_demo()[0], judges=learn_demo()[0].judges[:1])
    plain = open_cascade(classifier, threshold=1.0)
    (before,) = await plain.triage(make_tickets("how are hosts paid"))
    guess = before.decisions["category"]
    higher = 1 - (1 - guess.confidence) * 0.7
    one = replace(classifier, judges=(replace(classifier.judges[0], threshold=higher),))
    agreeing, against, silent = Chooser(0), Chooser(1), Chooser(None)
    results = [
        (await open_cascade(one, chooser=chooser).triage(make_tickets("how are hosts paid")))[0]
        for chooser in (agreeing, against, silent)
    ]
    assert results[0].stage is Stage.MODEL
    assert results[0].decisions["category"].value == guess.guess
    assert results[0].decisions["category"].confidence > guess.confidence
    for left in results[1:]:
        assert left.stage is Stage.PERSON
        assert left.decisions["category"].value == ""


async def test_the_model_is_not_asked_about_what_fits_no_category() -> None:
    chooser = Chooser(0)
    (triage,) = await open_cascade(learn_demo()[0], chooser=chooser).triage(make_tickets(STRANGE))
    assert triage.needs_person == Sense.OUT_OF_SCOPE
    assert len(chooser.asked) <= 1  # about the priority


async def test_who_asks_for_a_person_needs_one_although_the_category_is_plain() -> None:
    cascade = open_cascade(learn_demo()[0], threshold=0.0)
    (triage,) = await cascade.triage(make_tickets("refund refund, I want to talk to a real person"))
    assert triage.needs_person == Reason.ASKED_FOR_PERSON
    assert triage.decisions["category"].value


class German:
    """Takes everything for German."""

    def detect(self, text: str) -> str:
        return self.detect_all([text])[0]

    def detect_all(self, texts: Sequence[str]) -> list[str]:
        return ["de"] * len(texts)


async def test_a_language_that_the_history_does_not_have_goes_to_a_person() -> None:
    teacher = make_teacher()
    german = Teacher(teacher.screener, teacher.sentiments, German())
    cascade = Cascade(Parts(learn_demo()[0], make_encoders(), german, threshold=0.0))
    (triage,) = await cascade.triage(make_tickets("my refund has not been sent to me"))
    assert (triage.stage, triage.needs_person) == (Stage.PERSON, Sense.LANGUAGE)
    assert triage.language == "de"
    assert all(not decision.value for decision in triage.decisions.values())


async def test_what_each_stage_looked_at_and_took_is_counted() -> None:
    seconds = iter(range(1000))
    parts = Parts(
        learn_demo()[0],
        make_encoders(),
        make_teacher(),
        Chooser(0),
        threshold=0.99,
        now=lambda: float(next(seconds)),
    )
    cascade = Cascade(parts)
    await cascade.triage(make_tickets(DOUBTFUL, DOUBTFUL, STRANGE))
    costs = cascade.costs.take()
    assert costs["duplicate"] == Cost(3, 1.0)
    assert costs["words"] == Cost(2, 1.0)
    assert costs["quick"].rows == 2
    assert costs["thorough"].seconds == 1.0
    assert costs["language and tone"].rows == 2
    assert costs["model"].rows >= 1
    assert cascade.costs.take() == {}


async def test_no_tickets_are_no_work() -> None:
    assert await open_cascade(learn_demo()[0]).triage([]) == []


async def test_a_row_says_all_that_is_known() -> None:
    cascade = open_cascade(learn_demo()[0], threshold=0.0)
    (ticket,) = make_tickets(KNOWN)
    (triage,) = await cascade.triage([ticket])
    cells = to_cells(ticket, triage)
    assert set(list_columns(["category", "priority"])) == set(cells)
    assert cells["category"] == "check_in"
    assert cells["language"] == "en"
    assert "priority" in list_columns(["category"])


async def test_the_model_can_only_name_a_candidate() -> None:
    model = FakeChatModel()
    chooser = ModelChooser(model)
    assert await chooser.choose("where is it", ["refund", "damage"], {"refund": "x"}) == "refund"
    (request,) = model.requests
    assert request.schema is not None
    assert request.schema["properties"]["category"]["enum"] == ["refund", "damage"]
    assert "where is it" in str(request.messages)


@pytest.mark.parametrize("said", ["no JSON", '{"other": 1}', ModelFailed("gone")])
async def test_a_model_that_fails_has_no_say(said: str | ModelFailed) -> None:
    assert await ModelChooser(FakeChatModel([said])).choose("x", ["a", "b"], {}) is None
