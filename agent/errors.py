"""Errors, named by what the caller can do next.

FrontdeskError
├── ModelBusy        try again after `retry_after_s`
├── ModelFailed      this turn failed; the next one may well succeed
├── ModelUnusable    nothing will work until somebody mends the model
└── NotHandedOff     no person is waited for in this conversation
"""


class FrontdeskError(Exception):
    """Something that Frontdesk knows how to explain."""


class ModelBusy(FrontdeskError):  # noqa: N818 - named by the caller's next move
    """All places at the model are taken; try again shortly."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"The model is busy; try again in {retry_after_s:.0f} s.")
        self.retry_after_s = retry_after_s


class ModelFailed(FrontdeskError):  # noqa: N818
    """The model stopped in the middle of this request; it is being restarted."""


class ModelUnusable(FrontdeskError):  # noqa: N818
    """The model cannot be started; `frontdesk doctor` says what to mend."""


class NotHandedOff(FrontdeskError):  # noqa: N818
    """Nobody is waited for in this conversation: it was not handed off, or it was given back."""
