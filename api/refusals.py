"""Refusals: what is turned away, by what the caller can do next."""


class OriginRefused(Exception):  # noqa: N818 - it reads as what happened
    """This website is not on the list; `frontdesk site origins` puts it there."""


class ModelRefused(Exception):  # noqa: N818
    """That model can't take the place of the one at work; the message says why."""


class TooMany(Exception):  # noqa: N818
    """Too many requests; try again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many requests; try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s
