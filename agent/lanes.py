"""Who is served first."""

from enum import IntEnum


class Lane(IntEnum):
    """A customer who waits, before a person at the desk, before work that nobody watches."""

    CHAT = 0
    DESK = 1
    BATCH = 2
