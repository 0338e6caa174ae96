"""`frontdesk triage --engine ray` on two nodes of one core, one of which is killed half-way."""

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import CACHE, ROOT, Run

TICKETS = ROOT / "evals" / "demo" / "tickets"
ROWS = 9000
pytestmark = [
    pytest.mark.embedder,
    pytest.mark.usefixtures("embedder"),
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
]


def test_every_row_comes_out_once_although_a_node_is_killed(frontdesk: Run, tmp_path: Path) -> None:
    history = TICKETS / "history.csv"
    done = frontdesk("train", "triage", history, data=tmp_path)
    assert done.returncode == 0, done.stderr
    with history.open(newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([n, f"{texts[n % 80]} {chr(97 + n % 26)}{n}x"] for n in range(ROWS))
    # Ray leaves threads and warnings behind, so it has a process of its own.
    script = [sys.executable, "-m", "tests.commands.cluster_script", str(tmp_path)]
    told = subprocess.run(
        script,
        cwd=ROOT,
        env=os.environ | {"FRONTDESK_DATA": str(tmp_path), "FRONTDESK_CACHE": str(CACHE)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert told.returncode == 0, told.stderr[-3000:]
    told_of = json.loads(told.stdout.splitlines()[-1])
    assert 0 < told_of["rows_before_the_kill"] < ROWS
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = [row["ticket_id"] for row in csv.DictReader(file)]
    assert rows == [str(n) for n in range(ROWS)]
