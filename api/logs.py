"""Structured logs on stderr. Nothing logs a message's words, a token or a key."""

import logging
import sys
from typing import TextIO

import structlog


def set_up_logs(level: str, stream: TextIO | None = None) -> None:
    """Log to stderr from `level` on: lines for people on a terminal, JSON otherwise."""
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    render = _choose_renderer(stream)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    _redirect_others(stream, threshold, shared, render)


def _choose_renderer(stream: TextIO) -> structlog.typing.Processor:
    if stream.isatty():
        return structlog.dev.ConsoleRenderer()
    return structlog.processors.JSONRenderer()


def _redirect_others(
    stream: TextIO,
    threshold: int,
    shared: list[structlog.typing.Processor],
    render: structlog.typing.Processor,
) -> None:
    # Libraries log by the standard library; theirs below a warning is of no use to an operator.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING), force=True)
