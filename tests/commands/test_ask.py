import json
from pathlib import Path

import pytest

from tests.commands.conftest import CACHE, Run

KEYS = {
    "outcome", "reason", "confidence", "text", "sentences", "sources", "timings", "provenance",
    "language",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _model() -> None:
    if not (CACHE / "models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").exists():
        pytest.skip("the model is not in the cache: `frontdesk models pull`")


@pytest.mark.model
def test_a_question_is_answered_with_citations(frontdesk: Run, demo: Path) -> None:
    question = "I cancelled yesterday, when does my money come back to my card?"
    done = frontdesk("ask", question, "--json", data=demo)
    reply = json.loads(done.stdout)
    assert reply.keys() == KEYS
    assert reply["outcome"] == "answered"
    held = {source["passage_id"] for source in reply["sources"]}
    assert all(set(sentence["citations"]) <= held for sentence in reply["sentences"])
    assert all(sentence["citations"] for sentence in reply["sentences"])
    assert reply["timings"].keys() == {"first_source_s", "first_sentence_s", "total_s"}
    assert len(reply["provenance"]["model_sha256"]) == 64


@pytest.mark.model
def test_history_makes_a_follow_up_stand_alone(frontdesk: Run, demo: Path, tmp_path: Path) -> None:
    history = tmp_path / "history.json"
    said = [
        {"role": "customer", "text": "How do I change my e-mail address?"},
        {"role": "agent", "text": "Go to Account and select Change."},
    ]
    history.write_text(json.dumps(said))
    done = frontdesk("ask", "and my phone number?", "--history", history, "--json", data=demo)
    reply = json.loads(done.stdout)
    assert "change-your-e-mail-or-phone" in {source["article_id"] for source in reply["sources"]}


@pytest.mark.model
@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("Can I bring my dog?", "abstained"),
        ("I want to talk to a person", "handed_off"),
        ("it doesn't work", "clarified"),
    ],
)
def test_what_cannot_be_answered_is_not(
    frontdesk: Run, demo: Path, question: str, outcome: str
) -> None:
    reply = json.loads(frontdesk("ask", question, "--json", data=demo).stdout)
    assert (reply["outcome"], reply["sentences"]) == (outcome, [])


def test_bad_usage_says_what_to_do(frontdesk: Run, tmp_path: Path) -> None:
    wrong = tmp_path / "history.json"
    wrong.write_text("{")
    assert frontdesk("ask", "  ", data=tmp_path).returncode == 2
    done = frontdesk("ask", "Hello there", "--history", wrong, data=tmp_path)
    assert done.returncode == 2
    assert '"role": "customer"' in done.stderr
