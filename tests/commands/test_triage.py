"""`frontdesk triage`, `train triage` and `eval triage`, run as a person does."""

import csv
import gzip
import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.commands.conftest import PROGRAM, ROOT, Run, surround

TICKETS = ROOT / "evals" / "demo" / "tickets"
LABELS = ("--label", "category", "--label", "priority", "--label", "team")
pytestmark = [pytest.mark.embedder, pytest.mark.usefixtures("embedder")]


@pytest.fixture(scope="module")
def trained(frontdesk: Run, tmp_path_factory: pytest.TempPathFactory, embedder: None) -> Path:
    """Return a data folder with a classifier of the demo company's tickets."""
    del embedder
    data = tmp_path_factory.mktemp("trained")
    done = frontdesk("train", "triage", TICKETS / "history.csv", *LABELS, data=data)
    assert done.returncode == 0, done.stderr
    assert "80 tickets is now the current one" in done.stdout
    assert "accuracy by coverage" in done.stdout
    return data


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_tickets_are_routed_with_reasons_and_bad_rows_kept_apart(
    frontdesk: Run, trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    done = frontdesk("triage", TICKETS / "new.csv", "-o", output, data=trained)
    assert done.returncode == 3, done.stderr
    assert "text from text" in done.stderr
    rows = {row["ticket_id"]: row for row in _read(output)}
    assert len(rows) == 21
    assert rows["N003"]["category"] == "check_in"
    assert rows["N003"]["priority"] == "urgent"
    assert "«" in rows["N003"]["why"]
    assert rows["N018"]["needs_person"] == "out_of_scope"
    assert rows["N018"]["category"] == ""
    assert rows["N019"]["needs_person"] == "language"
    assert rows["N023"]["stage"] == "duplicate"
    rejects = {row["ticket_id"]: row for row in _read(tmp_path / "out.csv.rejects.csv")}
    assert set(rejects) == {"N021", "N022"}
    assert rejects["N021"]["text"].startswith("'=")
    again = frontdesk("triage", TICKETS / "new.csv", "-o", output, data=trained)
    assert again.returncode == 1
    assert "--fresh" in again.stderr


def test_a_dry_run_shows_what_would_happen_and_writes_nothing(
    frontdesk: Run, trained: Path, tmp_path: Path
) -> None:
    done = frontdesk("triage", TICKETS / "new.csv", "--dry-run", data=trained)
    assert done.returncode == 0, done.stderr
    assert "21 tickets would be triaged" in done.stdout
    assert "1 rows would be rejected: it has no text" in done.stdout
    assert "--threshold" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_file_can_come_from_a_pipe_and_go_into_one(trained: Path) -> None:
    lines = [{"id": "a", "text": "my refund is missing"}, {"id": "b", "text": "the key broke"}]
    done = subprocess.run(
        [*PROGRAM, "triage", "-", "-o", "-"],
        input="".join(json.dumps(line) + "\n" for line in lines),
        cwd=ROOT,
        env=surround(trained),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert [row["ticket_id"] for row in rows] == ["a", "b"]
    assert rows[0]["category_guess"] == "refund"


def test_a_stream_that_stands_still_is_triaged_and_ctrl_c_ends_it(
    trained: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    child = subprocess.Popen(
        [*PROGRAM, "triage", "-", "-o", str(output), "--effort", "quick"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=surround(trained),
    )
    assert child.stdin
    child.stdin.write("id,text\n1,my refund is missing\n")
    child.stdin.flush()
    until = time.monotonic() + 100
    while not (part := tmp_path / "out.jsonl.part").exists() or not part.read_text():
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "The same command goes on" in told
    done = subprocess.run(
        child.args,
        input="id,text\n1,my refund is missing\n2,the key broke\n",
        text=True,
        capture_output=True,
        cwd=ROOT,
        env=surround(trained),
        timeout=120,
        check=True,
    )
    assert "Going on after row 1" in done.stderr
    rows = [json.loads(line)["ticket_id"] for line in output.read_text().splitlines()]
    assert rows == ["1", "2"]


def test_a_command_that_is_killed_goes_on_and_no_row_is_twice_or_missing(
    frontdesk: Run, trained: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.jsonl.gz"
    history = [row["text"] for row in _read(TICKETS / "history.csv")]
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text"])
        writer.writerows([n, f"{history[n % 80]} {chr(97 + n % 26)}{n}x"] for n in range(9000))
    arguments = ("triage", source, "-o", output, "--effort", "quick")
    child = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        cwd=ROOT,
        env=surround(trained),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    notebook = tmp_path / "out.jsonl.gz.progress"
    until = time.monotonic() + 100
    while not (notebook.exists() and json.loads(notebook.read_text())["rows"]):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    child.kill()
    child.wait()
    assert not output.exists()
    other = frontdesk(*arguments[:-1], "balanced", data=trained)
    assert other.returncode == 1
    assert "--fresh" in other.stderr
    assert "--effort quick (now balanced)" in " ".join(other.stderr.split())
    done = frontdesk(*arguments, data=trained)
    assert done.returncode == 0, done.stderr
    assert "Going on after row" in done.stderr
    unzipped = subprocess.run(["gunzip", "-c", output], capture_output=True, check=True).stdout
    rows = [json.loads(line)["ticket_id"] for line in unzipped.splitlines()]
    assert rows == [str(n) for n in range(9000)]


def test_names_and_descriptions_alone_are_enough(frontdesk: Run, tmp_path: Path) -> None:
    categories = tmp_path / "categories.csv"
    categories.write_text(
        "name,description\nrefund,money that should come back\ndamage,something was broken\n"
    )
    done = frontdesk("train", "triage", "--categories", categories, data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "too few tickets to hold out" in done.stdout
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({"id": 1, "text": "the guests smashed a window"}) + "\n")
    done = frontdesk("triage", source, "-o", tmp_path / "o.jsonl", data=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "o.jsonl").read_text())["category_guess"] == "damage"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("triage", TICKETS / "new.csv", "-o", "x.csv"), 1, "train triage"),
        (("triage", TICKETS / "new.csv"), 2, "-o OUT"),
        (("triage", TICKETS / "new.csv", "-o", "x.csv", "--effort", "huge"), 2, "thorough"),
        (("train", "triage"), 2, "HISTORY"),
        (("train", "triage", "gone.csv"), 1, "no such file"),
        (("train", "triage", TICKETS / "history.csv", "--label", "mood"), 1, "--map mood=COLUMN"),
        (("train", "triage", TICKETS / "history.csv", "--label", "stage"), 1, "mylabel=stage"),
        (("train", "triage", TICKETS / "history.csv", "--map", "oops"), 2, "WHAT=COLUMN"),
    ],
)
def test_wrong_usage_says_what_to_do(
    frontdesk: Run, tmp_path: Path, arguments: tuple[str | Path, ...], code: int, said: str
) -> None:
    done = frontdesk(*arguments, data=tmp_path)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_evaluation_measures_accuracy_calibration_stages_and_scope(
    frontdesk: Run, tmp_path: Path
) -> None:
    beyond = tmp_path / "beyond.jsonl"
    beyond.write_text('{"text": "What is the capital of Mongolia?"}\n{"text": "Sing me a song"}\n')
    history = TICKETS / "history.csv"
    files = ("--train", history, "--test", history, "--out-of-scope", beyond)
    done = frontdesk(
        "eval", "triage", *files, "--each", "8", "--draws", "2", "--json", data=tmp_path
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["n"] == 80
    assert result["trained_on"] == 64
    assert 0.5 < result["accuracy"] <= 1
    assert set(result) >= {"macro_f1", "ece", "stages", "out_of_scope", "accuracy_at_coverage"}
    assert "0.8" in result["accuracy_at_coverage"]
    assert sum(stage["rows"] for stage in result["stages"].values()) == 80
    assert result["out_of_scope"]["auroc"] > 0.9
    assert "recall_at_95_in_scope" in result["out_of_scope"]
    assert len(result["draws"]) == 2


def test_fresh_loses_neither_what_is_read_nor_a_good_result(
    frontdesk: Run, trained: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("id,text\n1,my refund is missing\n")
    before = source.read_bytes()
    for words in (("-o", source), ("-o", output, "--rejects", source)):
        done = frontdesk("triage", source, *words, "--fresh", data=trained)
        assert done.returncode == 1
        assert "the same file" in done.stderr
        assert source.read_bytes() == before
    assert frontdesk("triage", source, "-o", output, data=trained).returncode == 0
    good = output.read_bytes()
    for wrong in ((tmp_path / "typo.csv",), (source, "--map", "text=nothing")):
        done = frontdesk("triage", *wrong, "-o", output, "--fresh", data=trained)
        assert done.returncode == 1
        assert output.read_bytes() == good
    assert frontdesk("triage", source, "-o", output, "--fresh", data=trained).returncode == 0
    assert _read(output)[0]["ticket_id"] == "1"


def test_a_job_that_was_killed_before_its_files_were_in_place_ends_with_its_summary(
    frontdesk: Run, trained: Path, tmp_path: Path
) -> None:
    source, output = tmp_path / "in.csv.gz", tmp_path / "out.csv"
    lines = b"id,text\n1,my refund is missing\n2,the key broke\n"
    source.write_bytes(
        gzip.compress(lines + random.Random(3).randbytes(90_000).hex().encode())[:-99]
    )
    cut_off = frontdesk("triage", source, "-o", output, data=trained)
    assert cut_off.returncode == 1, cut_off.stderr
    notebook = tmp_path / "out.csv.progress"
    told = json.loads(notebook.read_text()) | {"written": True}
    notebook.write_text(json.dumps(told))
    done = frontdesk("triage", source, "-o", output, data=trained)
    assert f"{told['rows'] - told['rejected']:,} tickets triaged" in done.stderr
    assert f"Results: {output}" in done.stderr.replace("\n", "")
    assert [row["ticket_id"] for row in _read(output)][:2] == ["1", "2"]


def _begin_stream(trained: Path, rejects: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PROGRAM, "triage", "-", "-o", "-", "--rejects", str(rejects)],
        cwd=ROOT,
        env=surround(trained),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("end", ["close", "interrupt"])
def test_tickets_of_a_stream_come_out_before_it_ends_and_ctrl_c_ends_it(
    trained: Path, tmp_path: Path, end: str
) -> None:
    with _begin_stream(trained, tmp_path / "rejects.csv") as child:
        assert child.stdin
        assert child.stdout
        child.stdin.write(b"id,text\n1,my refund is missing\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith(b"row,ticket_id")
        assert child.stdout.readline().startswith(b"1,1,my refund")
        if end == "interrupt":
            child.send_signal(signal.SIGINT)
            assert child.wait(30) != 0
        else:
            child.stdin.write(b"2,the key broke\n")
            child.stdin.close()
            assert child.stdout.readline().startswith(b"2,2,the key")
            assert child.wait(60) == 0
