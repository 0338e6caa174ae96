"""Refusals: what is turned away before it comes to a route."""


class OriginRefused(Exception):  # noqa: N818 - it reads as what happened
    """This website is not on the list; `frontdesk site origins` puts it there."""


class TooMany(Exception):  # noqa: N818
    """Too many requests; try again after `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"Too many requests; try again in {retry_after_s} seconds.")
        self.retry_after_s = retry_after_s
