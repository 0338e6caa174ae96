"""Triage as a whole command: seconds, memory, and what a kill half-way costs."""

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import EvalError
from evals.provenance import describe_machine

MIB = 1024
POLL_S = 0.2
ALPHABET = "abcdefghijklmnopqrstuvwxyz"
Result = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Run:
    """How long a command took, the most memory that it held, and what it printed."""

    seconds: float
    peak_mib: float
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Bench:
    """Runs `program` (the words that start frontdesk) in a folder of its own."""

    program: Sequence[str]
    embedder: Path
    folder: Path
    train: Path
    test: Path

    def compare(self, efforts: Sequence[str]) -> Result:
        """Sort the test's tickets in the plain way and with each effort.

        Rates leave out what a command takes to start, which a run over one ticket tells.
        """
        rows = _read(self.test)
        truths = [row["category"] for row in rows]
        self._run("train", "triage", str(self.train))
        plain = self._sort_plainly()
        rate = len(rows) / plain["seconds"]
        guesses = [row["category"] for row in _read(self.folder / "plain.csv")]
        result: Result = {
            "machine": describe_machine(),
            "rows": len(rows),
            "plain": {"rows_per_s": rate, "accuracy": _compare(guesses, truths)},
            "triage": {},
        }
        one = self.folder / "one.csv"
        _write(rows[:1], one)
        for effort in efforts:
            start = self._triage(one, effort).seconds
            run = self._triage(self.test, effort)
            guesses = [row["category_guess"] for row in _read(self._output)]
            quick = (len(rows) - 1) / (run.seconds - start)
            result["triage"][effort] = {
                "rows_per_s": quick,
                "ratio": quick / rate,
                "accuracy": _compare(guesses, truths),
                "start_s": start,
                "seconds": run.seconds,
                "peak_mib": run.peak_mib,
            }
        return result

    def run_killed(self, count: int) -> Result:
        """Triage so many rows, kill the command half-way, run it again, and count the rows."""
        source = self.folder / "large.csv"
        _write(_repeat(_read(self.test), count), source)
        self._output.unlink(missing_ok=True)
        words = ("triage", str(source), "-o", str(self._output), "--effort", "quick")
        killed = self._run(*words, until=count // 2)
        resumed = self._run(*words)
        seen = Counter(row["ticket_id"] for row in _read(self._output, ("ticket_id",)))
        once = sum(times == 1 for times in seen.values())
        seconds = killed.seconds + resumed.seconds
        return {
            "rows": count,
            "seconds": seconds,
            "rows_per_s": count / seconds,
            "peak_mib": killed.peak_mib,
            "peak_resumed_mib": resumed.peak_mib,
            "once": once,
            "wrong": count - once,
        }

    @property
    def _output(self) -> Path:
        return self.folder / "out.csv"

    def _triage(self, source: Path, effort: str) -> Run:
        output = str(self._output)
        return self._run("triage", str(source), "-o", output, "--effort", effort, "--fresh")

    def _sort_plainly(self) -> Result:
        words = (str(self.embedder), str(self.train), str(self.test))
        target = str(self.folder / "plain.csv")
        run = _spawn([sys.executable, "-m", "evals.plain", *words, target])
        told: Result = json.loads(run.printed.splitlines()[-1])
        return told

    def _run(self, *words: str, until: int | None = None) -> Run:
        line = [*self.program, *words, "--data", str(self.folder)]
        if until is None:
            return _spawn(line)
        return _spawn(line, lambda: self._count_done() >= until)

    def _count_done(self) -> int:
        try:
            saved = (self.folder / "out.csv.progress").read_text(encoding="utf-8")
        except FileNotFoundError:
            return 0
        return int(json.loads(saved)["rows"])


def _spawn(line: Sequence[str], kill_when: Any = None) -> Run:  # noqa: ANN401 - a question or None
    """Run a command to its end, or kill it; raises EvalError if it fails."""
    begun = time.perf_counter()
    child = subprocess.Popen(  # noqa: S603 - our own commands
        line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    killed = kill_when is not None and _kill(child, kill_when)
    assert child.stdout is not None
    printed = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode and not killed:
        raise EvalError(f"{' '.join(line)} ended with {child.returncode}.")
    return Run(time.perf_counter() - begun, usage.ru_maxrss / MIB, printed)


def _kill(child: subprocess.Popen[str], kill_when: Any) -> bool:  # noqa: ANN401 - a question
    while not kill_when():
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return False
        time.sleep(POLL_S)
    child.kill()
    return True


def _compare(guesses: Sequence[str], truths: Sequence[str]) -> float:
    return sum(a == b for a, b in zip(guesses, truths, strict=True)) / len(truths)


def _read(path: Path, columns: Sequence[str] = ()) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        return [{name: row[name] for name in columns or row} for row in rows]


def _write(rows: Any, path: Path) -> None:  # noqa: ANN401 - any number of rows
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["ticket_id", "text"])
        writer.writerows((row["ticket_id"], row["text"]) for row in rows)


def _repeat(rows: Sequence[dict[str, str]], count: int) -> Any:  # noqa: ANN401 - a generator
    for number in range(count):
        text = rows[number % len(rows)]["text"]
        round_ = number // len(rows)
        yield {"ticket_id": str(number), "text": f"{text} Ref {_spell(round_)}" if round_ else text}


def _spell(number: int) -> str:
    """Return a number in letters: digits alone don't make two tickets different."""
    letters = ""
    while number:
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return letters
