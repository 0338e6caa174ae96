"""What an evaluation can't go on with; each message says what to do."""


class EvalError(ValueError):
    """An evaluation cannot be run as it was asked for."""


class SuiteError(EvalError):
    """A suite cannot be read."""


class ResultError(EvalError):
    """A result file cannot be read, or two of them cannot be compared."""
