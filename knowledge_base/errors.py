"""Errors of the knowledge base, named by what the caller does next.

KnowledgeBaseError
├── ImportRunning    wait for the other import, or stop it
├── EmbedderMissing  run `frontdesk models pull`
└── EmbedderChanged  run `frontdesk kb rebuild`
"""


class KnowledgeBaseError(Exception):
    """Something about articles or their index that the caller can mend."""


class ImportRunning(KnowledgeBaseError):  # noqa: N818 - it reads as what happened
    """Another import is running in this data folder; wait until it has ended."""


class EmbedderMissing(KnowledgeBaseError):  # noqa: N818
    """The embedder's files are not there."""


class EmbedderChanged(KnowledgeBaseError):  # noqa: N818
    """The articles were embedded with another embedder; run `frontdesk kb rebuild`."""
