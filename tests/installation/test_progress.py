import io

import pytest

from installation.progress import Progress, Tracker


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_download_is_told_with_its_place_and_size() -> None:
    tracker = Tracker(count=156)
    assert tracker.describe("Collecting chromadb==1.5.9 (from -r lock)\n") == "  1 of 156  chromadb"
    assert tracker.describe("Progress 262144 of 21000000\n") == (
        "  1 of 156  chromadb: 0.3 of 21.0 MB"
    )


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("  [12/140] /usr/bin/c++ -O3 ...\n", "  compiled 12 of 140 parts"),
        ("Installing collected packages: a, b\n", "  unpacking 2 packages"),
        ("  Using cached six.whl (11 kB)\n", ""),
        ("WARNING: Location 'file:///x/' is ignored\n", ""),
    ],
)
def test_other_lines_are_told_where_they_tell_progress(line: str, shown: str) -> None:
    described = Tracker(count=0).describe(line)
    assert described.startswith(shown)
    assert bool(described) == bool(shown)


def test_off_a_terminal_only_lines_that_stay_are_written() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.show("half way")
    progress.say("done")
    assert stream.getvalue() == "done\n"


def test_on_a_terminal_the_line_of_progress_is_overwritten() -> None:
    stream = Terminal()
    progress = Progress(stream)
    progress.show("half way")
    progress.say("done")
    assert stream.getvalue() == "\r\033[Khalf way\r\033[Kdone\n"
