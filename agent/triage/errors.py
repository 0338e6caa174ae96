"""What is wrong with tickets, histories and classifiers; each message says what to do."""

from agent.errors import FrontdeskError


class TriageError(FrontdeskError):
    """Triage cannot go on with what it was given."""
