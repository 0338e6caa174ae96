import re
import shutil
from typing import TextIO


class Progress:
    """Lines that stay, and on a terminal one line that is overwritten."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._overwrites = stream.isatty()

    def say(self, text: str) -> None:
        """Write a line that stays."""
        self.show("")
        self._stream.write(f"{text}\n")
        self._stream.flush()

    def show(self, text: str) -> None:
        """Overwrite the line that tells how far it is."""
        if self._overwrites:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\033[K{text[:width]}")
            self._stream.flush()


class Tracker:
    """Turns pip's lines into how far pip is; `count` is how many packages it will collect."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._collected = 0
        self._package = ""

    def describe(self, line: str) -> str:
        """Return what to show after this line, empty where it says nothing of progress."""
        if found := re.match(r"Collecting ([\w.-]+)", line):
            self._collected += 1
            self._package = found[1]
            return f"  {self._place()}{self._package}"
        if found := re.match(r"Progress (\d+) of (\d+)", line):
            done, total = (int(number) / 1e6 for number in found.groups())
            return f"  {self._place()}{self._package}: {done:.1f} of {total:.1f} MB"
        if line.startswith("Installing collected packages"):
            return f"  unpacking {line.count(',') + 1} packages"
        if found := re.match(r"\s*\[(\d+)/(\d+)\] ", line):
            return f"  compiled {found[1]} of {found[2]} parts"
        return ""

    def _place(self) -> str:
        return f"{self._collected} of {self._count}  " if self._count else ""
