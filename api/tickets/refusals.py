"""What triage over HTTP refuses.

TicketsRefused
├── JobNotFound       there is no such job
├── JobUnfinished     the job is not done, or has no such file
├── SignatureRefused  sign the request with the secret that both sides know, and send it at once
└── InboundClosed     set the secret of this help desk first
"""


class TicketsRefused(Exception):  # noqa: N818 - it reads as what happened
    """A request about tickets can't be met."""


class JobNotFound(TicketsRefused):
    """There is no such job."""


class JobUnfinished(TicketsRefused):
    """The job is not done, or has no such file."""


class SignatureRefused(TicketsRefused):
    """The request is not signed with the secret that both sides know, or was sent long ago."""


class InboundClosed(TicketsRefused):
    """No secret is set for this help desk, so nothing is taken from it."""
