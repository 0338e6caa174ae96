"""Other processes of this machine, as Linux tells of them: which one it is, and what it takes."""

import os
from collections.abc import Iterator
from pathlib import Path

from evals.errors import EvalError

PROC = Path("/proc")
LISTENING = "0A"
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
MIB = 1024


def find_server(port: int) -> int:
    """Return the id of the process that listens on a port of this machine.

    Raises EvalError if there is none to be seen.
    """
    wanted = {f"socket:[{inode}]" for inode in _list_listening(port)}
    for folder in PROC.glob("[0-9]*/fd"):
        if wanted & set(_list_links(folder)):
            return int(folder.parent.name)
    raise EvalError(f"No process of this machine listens on port {port}.")


def find_worker() -> int:
    """Return the id of the process that holds our model; raises EvalError if there is none."""
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            after = stat.read_text().rpartition(")")[2].split()
            line = (stat.parent / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if int(after[1]) == os.getpid() and b"agent.models.worker" in line:
            return int(stat.parent.name)
    raise EvalError("The model's process is not there.")


def read_cpu_seconds(pid: int) -> float:
    """Return the processor seconds that a process has taken so far."""
    after = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(after[11]) + int(after[12])) / TICKS_A_SECOND


def read_memory(pid: int) -> float:
    """Return the memory that a process holds, in MiB."""
    lines = (PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) / MIB for line in lines if line.startswith("VmRSS:"))


def _list_listening(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            cells = line.split()
            if cells[3] == LISTENING and int(cells[1].rpartition(":")[2], 16) == port:
                yield cells[9]


def _list_links(folder: Path) -> Iterator[str]:
    try:
        for each in folder.iterdir():
            yield str(each.readlink())
    except OSError:  # it has ended, or is another user's
        return
