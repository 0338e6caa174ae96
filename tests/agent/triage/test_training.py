import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agent.triage.artefacts import CARD, MODEL, Shelf
from agent.triage.cells import DRAFT, HEAD, TAIL
from agent.triage.effort import Effort, apply_effort
from agent.triage.errors import TriageError
from agent.triage.features import Depth
from agent.triage.tickets import Labelled
from agent.triage.training import History
from tests.agent.triage.histories import learn, learn_demo, make_encoders, read_history

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLEAR = "Has my refund for booking 99999 been sent?"


def _first_guess(text: str) -> str:
    classifier, _ = learn_demo()
    verdict = classifier.classify([text], make_encoders())[0]
    judge = classifier.judges[0]
    return judge.names[int(verdict.chances["category"].argmax())]


def test_a_history_of_ten_tickets_a_category_is_learnt() -> None:
    _, report = learn_demo()
    assert report["trained_on"] == 80
    held_out = report["labels"]["category"]["held_out"]
    # Eight categories: one guess in eight would be right by chance.
    assert held_out["accuracy"] > 0.4
    assert held_out["n"] == 80
    assert held_out["curve"][0][0] == 1.0
    assert report["labels"]["category"]["categories"]["refund"] == 10
    assert set(report["labels"]) == {"category", "priority"}


@pytest.mark.parametrize(
    "label",
    [*HEAD, *TAIL, *DRAFT, "category_confidence", "category_guess", "other_guess"],
)
def test_a_label_that_a_result_has_no_place_for_is_refused(label: str) -> None:
    with pytest.raises(TriageError, match=f"--map 'mylabel={label}'"):
        learn(History(read_history(), ("category", label), {}))


def test_words_of_a_category_lead_to_it() -> None:
    assert _first_guess("my refund has not been sent") == "refund"
    assert _first_guess("my guest broke a table") == "damage"


def test_probabilities_add_up_and_are_of_allowed_categories_only() -> None:
    classifier, _ = learn_demo()
    verdicts = classifier.classify(["refund", "", "日本語", "bicycle " * 500], make_encoders())
    for verdict in verdicts:
        for judge in classifier.judges:
            chances = verdict.chances[judge.label]
            assert chances.shape == (len(judge.names),)
            assert chances.sum() == pytest.approx(1)


def test_effort_says_how_deep_tickets_are_looked_at() -> None:
    classifier, _ = learn_demo()
    depths = {}
    for effort in Effort:
        trying, encoders = apply_effort(classifier, make_encoders(), effort)
        depths[effort] = [each.depth for each in trying.classify([CLEAR, "xyz"], encoders)]
    assert depths[Effort.THOROUGH] == [Depth.THOROUGH, Depth.THOROUGH]
    assert max(depths[Effort.QUICK]) == Depth.QUICK
    assert depths[Effort.BALANCED][1] == Depth.THOROUGH


def test_what_is_like_nothing_known_belongs_less_than_what_is() -> None:
    classifier, _ = learn_demo()
    known, strange = classifier.classify(
        ["Can I pay in three instalments?", "quantum chromodynamics of plasma"], make_encoders()
    )
    assert known.belongs > strange.belongs


def test_no_label_at_all_is_enough_with_names_and_descriptions() -> None:
    described = {"refund": "money that comes back", "damage": "something that a guest broke"}
    classifier, report = learn(History([], ("category",), {"category": described}))
    assert report["labels"]["category"]["held_out"] is None
    texts = ["my money should come back", "the guest broke a chair"]
    verdicts = classifier.classify(texts, make_encoders())
    names = classifier.judges[0].names
    assert [names[int(v.chances["category"].argmax())] for v in verdicts] == ["refund", "damage"]


def test_one_category_is_not_enough() -> None:
    rows = [Labelled(f"refund {word}", {"category": "refund"}) for word in "abc"]
    with pytest.raises(TriageError, match="at least two"):
        learn(History(rows, ("category",), {}))


def test_near_duplicates_count_once() -> None:
    rows = read_history() * 3
    _, report = learn(History(rows, ("category",), {}))
    assert report["trained_on"] == 80


def test_a_category_with_a_single_ticket_does_not_stop_training() -> None:
    rows = [*read_history(), Labelled("the parrot bites", {"category": "parrot"})]
    classifier, report = learn(History(rows, ("category",), {}))
    assert "parrot" in classifier.judges[0].names
    assert report["labels"]["category"]["held_out"]["n"] == 80


def test_a_saved_classifier_judges_as_before(tmp_path: Path) -> None:
    classifier, report = learn_demo()
    saved = Shelf(tmp_path).save(classifier, {"report": report}, NOW)
    again = Shelf(tmp_path).load()
    assert again.version == saved.version == Shelf(tmp_path).list_versions()[0]
    assert again.card["report"]["trained_on"] == 80
    texts = [ticket.text for ticket in read_history()[:9]] + ["something else"]
    before = classifier.classify(texts, make_encoders())
    after = again.classifier.classify(texts, make_encoders())
    for old, new in zip(before, after, strict=True):
        assert old.depth == new.depth
        assert old.nearest[0] == new.nearest[0]
        np.testing.assert_allclose(old.chances["category"], new.chances["category"], atol=1e-6)
        assert old.belongs == pytest.approx(new.belongs, abs=0.01)
    assert again.classifier.known.exact == classifier.known.exact


def test_the_newest_is_the_current_one_and_older_ones_stay(tmp_path: Path) -> None:
    classifier, _ = learn_demo()
    shelf = Shelf(tmp_path)
    first = shelf.save(classifier, {}, NOW)
    second = shelf.save(classifier, {}, NOW.replace(hour=13))
    assert shelf.load().version == second.version
    assert shelf.load(first.version).version == first.version


def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    with pytest.raises(TriageError, match="No classifier is trained yet"):
        shelf.load()
    version = shelf.save(learn_demo()[0], {}, NOW).version
    for unknown in ("nothing", "../secret"):
        with pytest.raises(TriageError, match=version):
            shelf.load(unknown)
    model = tmp_path / version / MODEL
    model.write_text(model.read_text().replace("refund", "refuse"))
    with pytest.raises(TriageError, match="changed or damaged"):
        shelf.load()
    (tmp_path / version / CARD).write_text(json.dumps({}))
    with pytest.raises(TriageError, match="train anew"):
        shelf.load()


def test_words_suspect_what_a_person_should_see_and_leave_the_ordinary_alone() -> None:
    hearing = learn_demo()[0].hearing
    alarming = ["let me talk to a real person, this is outrageous", "there is a gas leak, help"]
    assert [suspected for suspected, _ in hearing.listen(alarming)] == [True, True]
    ordinary = hearing.listen([ticket.text for ticket in read_history()])
    assert sum(suspected for suspected, _ in ordinary) <= 0.1 * len(ordinary)
    assert {sentiment for _, sentiment in ordinary} <= {"negative", "neutral", "positive"}
