"""What the loader and the application weigh, hold, and are built from."""

import filecmp
import gzip
import re
import shutil
import subprocess
from pathlib import Path

WIDGET = Path(__file__).parents[2] / "clients" / "widget"
DIST = WIDGET / "dist"


def weigh(path: Path) -> int:
    return len(gzip.compress(path.read_bytes()))


def test_the_loader_weighs_5_kb_and_all_of_it_60() -> None:
    assert weigh(DIST / "widget.js") <= 5 * 1024
    assert sum(weigh(path) for path in DIST.iterdir()) <= 60 * 1024


def test_nothing_is_ever_set_as_html_or_as_an_inline_style() -> None:
    for path in (WIDGET / "src").rglob("*.ts*"):
        text = path.read_text(encoding="utf-8")
        code = re.sub(r"^\s*(//|\*|/\*).*$", "", text, flags=re.MULTILINE)
        forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|dangerously|style=|<img|<iframe|eval\("
        assert not re.search(forbidden, code), path
        hosts = re.sub(r"http://www\.w3\.org/2000/svg|https\?://", "", code)
        assert not re.search(r"https?://[a-z]", hosts), path


def test_what_is_checked_in_is_what_the_sources_build_to(workshop: Path, tmp_path: Path) -> None:
    node = shutil.which("node") or "node"
    subprocess.run(["npx", "--no-install", "tsc", "--noEmit"], cwd=workshop, check=True)
    subprocess.run([node, "build.mjs", str(tmp_path)], cwd=workshop, check=True)
    names = sorted(path.name for path in DIST.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    _, different, missing = filecmp.cmpfiles(DIST, tmp_path, names, shallow=False)
    assert not different + missing, "run `npm ci && npm run build` in clients/widget"
