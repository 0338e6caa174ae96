import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from installation import llama
from installation.checkout import Checkout
from installation.errors import InstallationError
from installation.files import cut_package, digest, hold, write
from installation.machine import require_disk
from installation.pip import INSTALL, Pip
from installation.progress import Progress

TORCH = "2.13.0"
CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
DISK_IN_ALL = 6 * 10**9


@dataclass(frozen=True)
class Step:
    """One thing to do, once for each key; the title is what is said meanwhile."""

    name: str
    key: str
    title: str
    act: Callable[[], None]


def list_steps(checkout: Checkout, progress: Progress, *, dev: bool) -> list[Step]:
    """Return all steps, in order; `dev` adds the tools for checks and tests."""
    pip = Pip(checkout, progress)
    runtime, tools = checkout.runtime_lock, checkout.dev_lock
    project = checkout.root / "pyproject.toml"
    python = f"{checkout.root} {sys.version}"
    wheels = llama.find_folder(checkout).name
    pinned = digest(cut_package(tools, "pip"))

    def install_llama() -> None:
        wheel = llama.build_wheel(checkout, pip, progress)
        pip.run(*INSTALL, "--no-index", "--force-reinstall", str(wheel))

    def install_project() -> None:
        pip.run(*INSTALL, "--no-build-isolation", f"--editable={checkout.root}")

    every = [
        Step("python", python, "Python environment in .venv", lambda: make_venv(checkout)),
        Step("pip", pinned, "pip", lambda: install_pip(checkout, pip)),
        Step("torch", TORCH, f"torch {TORCH}, CPU build", lambda: install_torch(checkout, pip)),
        Step("llama", wheels, "llama-cpp-python", install_llama),
        Step("runtime", _digest(runtime), "libraries", lambda: install_lock(runtime, pip)),
        Step("project", _digest(project), "Frontdesk itself", install_project),
        Step("dev", _digest(tools), "tools for tests", lambda: install_lock(tools, pip)),
    ]
    return every if dev else every[:-1]


def carry_out(checkout: Checkout, steps: list[Step], progress: Progress) -> None:
    """Do what isn't done yet, in order, one run at a time in a checkout.

    Raises InstallationError at the first step that fails.
    """
    if all(is_done(checkout, step) for step in steps):
        return
    waiting = "Another run is setting this checkout up; waiting for it."
    with hold(checkout.root, lambda: progress.say(waiting)):
        checkout.log.unlink(missing_ok=True)
        for number, step in enumerate(steps, 1):
            if not is_done(checkout, step):
                progress.say(f"[{number}/{len(steps)}] {step.title}")
                began = time.monotonic()
                step.act()
                write(_find_stamp(checkout, step), step.key)
                progress.say(f"      done in {time.monotonic() - began:.0f} s")


def is_done(checkout: Checkout, step: Step) -> bool:
    """Tell whether a step has succeeded with what it would be made from now."""
    stamp = _find_stamp(checkout, step)
    return stamp.exists() and stamp.read_text() == step.key


def make_venv(checkout: Checkout) -> None:
    """Make `.venv` anew. Raises InstallationError with too little disk or half a Python."""
    require_disk(checkout.root, DISK_IN_ALL, "the environment and the models")
    # Not the running interpreter: it may be that of the very environment that is made anew.
    base = Path(sys.base_prefix, "bin", "python3.11")
    python = str(base if base.exists() else sys.executable)
    command = [python, "-m", "venv", "--clear", str(checkout.venv)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise InstallationError(
            f"Python could not make {checkout.venv}:\n{done.stdout}{done.stderr}\n"
            "On Debian or Ubuntu: apt install python3.11-venv, then the same command again."
        )


def install_pip(checkout: Checkout, pip: Pip) -> None:
    """Install the pip that the lock names: older ones tell no progress."""
    requirement = checkout.venv / "pip.txt"
    write(requirement, cut_package(checkout.dev_lock, "pip"))
    # Brings back a pip that was killed while replacing itself.
    ensure = [str(checkout.python), "-m", "ensurepip"]
    subprocess.run(ensure, check=True, capture_output=True)  # noqa: S603 - our own environment's
    pip.run("install", "--no-deps", "--require-hashes", f"--requirement={requirement}")


def install_torch(checkout: Checkout, pip: Pip) -> None:
    """Install the CPU build: PyPI's own wants gigabytes of CUDA before it can be imported."""
    if platform.system() != "Linux":
        pip.run(*INSTALL, f"torch=={TORCH}")
        return
    command = (*INSTALL, f"torch=={TORCH}+cpu")
    if checkout.torch_index:
        pip.run(*command, f"--index-url={checkout.torch_index}")
        return
    try:
        pip.run(*command)
    except InstallationError:
        pip.run(*command, f"--index-url={CPU_TORCH_INDEX}")


def install_lock(lock: Path, pip: Pip) -> None:
    """Install what a lock names and nothing else, by hash."""
    count = lock.read_text().count("==")
    pip.run(*INSTALL, "--require-hashes", f"--requirement={lock}", count=count)


def _find_stamp(checkout: Checkout, step: Step) -> Path:
    return checkout.venv / ".stamps" / step.name


def _digest(path: Path) -> str:
    return digest(path.read_text())
