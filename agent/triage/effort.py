"""How much is spent on each ticket."""

from dataclasses import replace
from enum import StrEnum

from agent.triage.classifier import Classifier, Encoders
from agent.triage.judging import ALWAYS


class Effort(StrEnum):
    """Quick: words, and the small embedder where words doubt.

    Balanced: the large embedder as well, where the small one doubts. Thorough: all of them for
    every ticket.
    """

    QUICK = "quick"
    BALANCED = "balanced"
    THOROUGH = "thorough"


def apply_effort(
    classifier: Classifier, encoders: Encoders, effort: Effort
) -> tuple[Classifier, Encoders]:
    """Return what classifies with that effort."""
    if effort is Effort.QUICK:
        return classifier, Encoders(encoders.quick)
    if effort is Effort.BALANCED:
        return classifier, encoders
    insisting = tuple(
        replace(judge, escalate=(ALWAYS,) * len(judge.escalate)) for judge in classifier.judges
    )
    return replace(classifier, judges=insisting), encoders
