"""The schedule: when what failed is tried again."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Standard Webhooks' own proposal: ten tries over some three days.
PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
SPREAD = 0.2
LONGEST = timedelta(hours=24)


def plan(
    attempt: int, now: datetime, jitter: float, retry_after: timedelta | None
) -> datetime | None:
    """Return when to try again after this attempt (the first is 1) failed; None: never.

    `jitter`, from 0 to 1, makes the pause up to a fifth longer, so that what failed together
    does not come back together. It is never earlier than the receiver asked for, up to a day.
    """
    if attempt > len(PAUSES):
        return None
    pause = PAUSES[attempt - 1] * (1 + SPREAD * jitter)
    return now + max(pause, min(retry_after or timedelta(), LONGEST))


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return how long a Retry-After header asks to wait; None if it says nothing usable."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), int(LONGEST.total_seconds())))
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
