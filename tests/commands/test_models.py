import json
import shutil
from pathlib import Path

import pytest

from tests.commands.conftest import CACHE, Run

MINILM = "all-MiniLM-L6-v2"


def test_the_catalogue_is_listed(frontdesk: Run, tmp_path: Path) -> None:
    rows = json.loads(frontdesk("models", "list", "--json", data=tmp_path).stdout)
    named = {row["name"]: row for row in rows}
    assert named["qwen2.5-coder-1.5b-instruct"]["size"] == 1117320768
    assert not named["qwen3-4b"]["tested"]


@pytest.mark.usefixtures("embedder")
def test_a_file_one_byte_off_is_refused_by_name(frontdesk: Run, tmp_path: Path) -> None:
    folder = tmp_path / "models" / MINILM
    shutil.copytree(CACHE / "models" / MINILM, folder)
    assert (
        frontdesk(
            "models", "verify", MINILM, data=tmp_path, FRONTDESK_CACHE=str(tmp_path)
        ).returncode
        == 0
    )
    spoilt = bytearray((folder / "config.json").read_bytes())
    spoilt[10] ^= 1
    (folder / "config.json").write_bytes(spoilt)
    done = frontdesk("models", "verify", MINILM, data=tmp_path, FRONTDESK_CACHE=str(tmp_path))
    assert done.returncode == 1
    assert "config.json" in done.stderr
    assert f"frontdesk models pull {MINILM}" in done.stderr


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_an_unknown_model_is_wrong_usage(frontdesk: Run, tmp_path: Path, command: str) -> None:
    done = frontdesk("models", command, "gpt-9", data=tmp_path)
    assert done.returncode == 2
    assert "qwen2.5-coder-1.5b-instruct" in done.stderr


def test_doctor_names_what_is_ill_and_its_mend(frontdesk: Run, tmp_path: Path) -> None:
    done = frontdesk("doctor", "--json", data=tmp_path, FRONTDESK_CACHE=str(tmp_path))
    findings = {f["check"]: f for f in json.loads(done.stdout) if not f["well"]}
    assert done.returncode == 1
    assert "frontdesk models pull" in findings["model"]["mend"]
    assert "frontdesk kb import" in findings["index"]["mend"]


def test_an_unknown_setting_is_refused_by_name(frontdesk: Run, tmp_path: Path) -> None:
    done = frontdesk("doctor", data=tmp_path, FRONTDESK_PROT="8000")
    assert done.returncode == 2
    assert "FRONTDESK_PORT" in done.stderr
