import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import CACHE, ROOT

# Python tells audit hooks of every look-up and connection; those that leave the machine end the
# process with a code of its own.
WATCHED = """
import os, sys

LOCAL = ("127.", "::1", "localhost", "/", "\\0")

def watch(event, args):
    if event == "socket.connect":
        address = args[1]
        host = address[0] if isinstance(address, tuple) else address
        host = host.decode() if isinstance(host, bytes) else host
        if not str(host).startswith(LOCAL):
            os._exit(77)
    if event in {"socket.getaddrinfo", "socket.gethostbyname"} and args[0] not in {
        None, "127.0.0.1", "::1", "localhost",
    }:
        os._exit(78)

sys.addaudithook(watch)
from commands import main
main()
"""


@pytest.mark.model
def test_answering_reaches_no_other_host(demo: Path) -> None:
    if not (CACHE / "models/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf").exists():
        pytest.skip("the model is not in the cache: `frontdesk models pull`")
    question = "What time can I check in?"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "ask", question, "--json"],
        cwd=ROOT,
        env=os.environ | {"FRONTDESK_DATA": str(demo), "FRONTDESK_CACHE": str(CACHE)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}"
    assert '"outcome": "answered"' in done.stdout


def test_the_watch_sees_what_leaves() -> None:
    script = WATCHED.replace("from commands import main\nmain()", "")
    script += "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode in {77, 78}
