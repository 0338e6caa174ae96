"""Labelled tickets and categories, as files hold them."""

import csv
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.triage.checking import check
from agent.triage.errors import TriageError
from agent.triage.exports import Columns, recognise
from agent.triage.reading import open_source
from agent.triage.tickets import Labelled, Ticket


def read_labelled(
    path: Path, labels: Sequence[str], given: dict[str, str], encoding: str = "utf-8-sig"
) -> tuple[list[Labelled], Columns, int]:
    """Return tickets with their labels, the columns, and how many rows hold no ticket.

    Raises TriageError if a label's column is not there.
    """
    tickets, left_out = [], 0
    with open_source(path, encoding=encoding) as source:
        columns = recognise(source.header, given)
        wanted = {label: _find_column(label, source.header, columns) for label in labels}
        for row in source.rows:
            ticket = check(row, columns)
            if isinstance(ticket, Ticket):
                told = {label: row.cells.get(name, "").strip() for label, name in wanted.items()}
                tickets.append(Labelled(ticket.text, told))
            else:
                left_out += 1
    return tickets, columns, left_out


def _find_column(label: str, header: Sequence[str], columns: Columns) -> str:
    if label in header:
        return label
    if label in columns.labels:
        return columns.labels[label]
    raise TriageError(
        f"No column is known for the label {label!r}; there are: {', '.join(header)}. "
        f"Name it with --map {label}=COLUMN."
    )


def read_descriptions(path: Path) -> dict[str, str]:
    """Return what each category means, from CSV, JSON lines or TOML with name and description."""
    try:
        rows = _read_rows(path)
        described = {str(row["name"]).strip(): str(row.get("description") or "") for row in rows}
    except FileNotFoundError as error:
        raise TriageError(f"{path}: there is no such file.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TriageError(
            f"{path}: these are no categories ({error}). A CSV with the columns name and "
            'description, JSON lines with these keys, or TOML with name = "description".'
        ) from error
    return {name: text for name, text in described.items() if name}


def _read_rows(path: Path) -> list[dict[str, Any]]:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".toml":
        return [{"name": name, "description": said} for name, said in tomllib.loads(text).items()]
    if path.suffix in {".jsonl", ".ndjson"}:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return list(csv.DictReader(text.splitlines()))
