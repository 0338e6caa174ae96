import argparse
import sys
from pathlib import Path

import installation
from installation.checkout import Checkout
from installation.errors import InstallationError
from installation.progress import Progress
from installation.steps import carry_out, list_steps


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python3.11 -m installation")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "frontdesk")
    parser.add_argument("--portable", action="store_true", help="for any processor of this kind")
    parser.add_argument("--torch-index", default="", help="where to find torch's CPU build")
    parser.add_argument("--dev", action="store_true", help="with the tools for checks and tests")
    given = parser.parse_args()
    (package,) = installation.__path__
    cache = given.cache.expanduser().resolve()
    checkout = Checkout(Path(package).parent, cache, given.portable, given.torch_index)
    progress = Progress(sys.stderr)
    try:
        carry_out(checkout, list_steps(checkout, progress, dev=given.dev), progress)
    except InstallationError as error:
        progress.say(str(error))
        return 1
    except KeyboardInterrupt:
        progress.say("Stopped. The same command goes on from here.")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
