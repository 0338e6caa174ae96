"""Replies to test with."""

from agent.state import Outcome, Provenance, Reason, Reply, Sentence, Source, Timings

SOURCE = Source(
    passage_id="refunds#1",
    article_id="refunds",
    title="When refunds arrive",
    heading_path=["Cards"],
    text="Refunds to cards arrive in 5 to 10 days.",
)


def make_reply(
    text: str = "Your refund arrives in 5 to 10 days.",
    outcome: Outcome = Outcome.ANSWERED,
    reason: Reason = Reason.SUPPORTED,
) -> Reply:
    answered = outcome is Outcome.ANSWERED
    return Reply(
        outcome=outcome,
        reason=reason,
        confidence=0.9,
        text=text,
        sentences=[Sentence(text=text, citations=["refunds#1"])] if answered else [],
        sources=[SOURCE],
        timings=Timings(first_source_s=0.1, first_sentence_s=0.5, total_s=1.0),
        provenance=Provenance(
            model="fake", model_sha256="", prompt_version="1", index_generation=1, seed=0
        ),
    )
