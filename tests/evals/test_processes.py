import os
import socket

import pytest

from evals.errors import EvalError
from evals.processes import find_server, find_worker, read_cpu_seconds, read_memory


def test_who_listens_on_a_port_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert find_server(server.getsockname()[1]) == os.getpid()
        port = server.getsockname()[1]
    with pytest.raises(EvalError, match=str(port)):
        find_server(port)


def test_without_a_model_there_is_no_worker() -> None:
    with pytest.raises(EvalError, match="not there"):
        find_worker()


def test_what_a_process_takes_is_read() -> None:
    begun = read_cpu_seconds(os.getpid())
    assert sum(range(10**7)) > 0
    assert read_cpu_seconds(os.getpid()) > begun
    assert 5 < read_memory(os.getpid()) < 100_000
