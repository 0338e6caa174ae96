"""What triage over HTTP refuses.

TicketsRefused
├── JobNotFound       there is no such job
├── JobUnfinished     the job is not done, or has no such file
├── FileRefused       mend the file, or what is said about it, as the message says
├── SignatureRefused  sign the request with the secret that both sides know, and send it at once
└── InboundClosed     set the secret of this help desk first
"""


class TicketsRefused(Exception):  # noqa: N818 - it reads as what happened
    """A request about tickets can't be met."""


class JobNotFound(TicketsRefused):
    """There is no such job."""


class JobUnfinished(TicketsRefused):
    """The job is not done, or has no such file."""


class FileRefused(TicketsRefused):
    """The file is no table of tickets, or what was said about it is wrong; the message says how."""


class SignatureRefused(TicketsRefused):
    """The request is not signed with the secret that both sides know, or was sent long ago."""


class InboundClosed(TicketsRefused):
    """No secret is set for this help desk, so nothing is taken from it."""
