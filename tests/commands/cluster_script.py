"""Two Ray nodes of one core, triage on them, and the end of one node: `… FOLDER`."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
MEMORY = 150 * 2**20
PATIENCE_S = 150


def main(folder: Path) -> None:
    from ray import cluster_utils  # noqa: PLC0415 - after the variable above

    node = {"num_cpus": 1, "object_store_memory": MEMORY}
    cluster: Any = cluster_utils.Cluster(initialize_head=True, head_node_args=node)
    second = cluster.add_node(**node)
    files = [str(folder / "in.csv"), "-o", str(folder / "out.csv")]
    engine = ["--engine", "ray", "--ray-address", cluster.address, "--effort", "quick"]
    program = [sys.executable, "-c", "from commands import main; main()", "triage"]
    child = subprocess.Popen([*program, *files, *engine])
    before = _wait_for_rows(folder / "out.csv.progress", child)
    cluster.remove_node(second, allow_graceful=False)
    code = child.wait(PATIENCE_S)
    cluster.shutdown()
    print(json.dumps({"rows_before_the_kill": before}))  # noqa: T201 - a script's result
    sys.exit(code)


def _wait_for_rows(notebook: Path, child: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and child.poll() is None:
        if notebook.exists() and (rows := int(json.loads(notebook.read_text())["rows"])):
            return rows
        time.sleep(0.1)
    return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
