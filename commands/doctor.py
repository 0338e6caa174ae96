"""`frontdesk doctor`: what is well, what is not, and how to mend it."""

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import typer

from agent.models.catalogue import UnknownModel, find
from agent.models.download import verify
from agent.models.memory import estimate_memory, read_available_memory
from api.assembly import open_articles, read_sizes
from api.settings import Settings, read_settings
from commands.terminal import DataOption, Exit, JsonOption, out, print_json
from knowledge_base.store import find_generation

GIGABYTE = 1_000_000_000
LEAST_DISK = GIGABYTE


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to; `mend` says what to do if it is not well."""

    check: str
    well: bool
    detail: str
    mend: str = ""


def doctor(*, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Check the models, their hashes, memory, disk, the index and the port."""
    settings = read_settings(data=data)
    findings = [finding for check in CHECKS for finding in check(settings)]
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _print_finding(finding)
    if not all(finding.well for finding in findings):
        raise typer.Exit(Exit.FAILED)


def _print_finding(finding: Finding) -> None:
    mark = "[green]well[/green]" if finding.well else "[red]ill [/red]"
    out.print(f"{mark}  {finding.check}: {finding.detail}")
    if finding.mend and not finding.well:
        out.print(f"      {finding.mend}", markup=False)


def _check_models(settings: Settings) -> Iterator[Finding]:
    models = [] if settings.model_url else [settings.model, settings.small_model]
    for name in filter(None, (*models, settings.embedder)):
        pull = f"Get it with `frontdesk models pull {name}`."
        try:
            wrong = [c for c in verify(find(name), settings.cache / "models") if c.state != "right"]
        except UnknownModel as error:
            yield Finding(
                "model", well=False, detail=str(error), mend="See `frontdesk models list`."
            )
            continue
        missing = any(check.state == "missing" for check in wrong)
        detail = "missing" if missing else "a file's hash is wrong" if wrong else "hash matches"
        yield Finding("model", not wrong, f"{name}: {detail}", pull)


def _check_memory(settings: Settings) -> Iterator[Finding]:
    available = read_available_memory()
    if settings.model_url or available is None:
        return
    entries = [find(name) for name in (settings.model, settings.small_model) if name]
    needed = sum(
        estimate_memory(entry.size, read_sizes(settings, entry.sha256)) for entry in entries
    )
    detail = f"{available / GIGABYTE:.1f} GB free, about {needed / GIGABYTE:.1f} GB needed"
    mend = "End other programs, or choose a smaller model with FRONTDESK_MODEL."
    yield Finding("memory", available >= needed, detail, mend)


def _check_disk(settings: Settings) -> Iterator[Finding]:
    folder = next(
        p for p in (settings.data.absolute(), *settings.data.absolute().parents) if p.exists()
    )
    free = shutil.disk_usage(folder).free
    detail = f"{free / GIGABYTE:.1f} GB free in {folder}"
    yield Finding("disk", free >= LEAST_DISK, detail, "Make room, or choose another --data folder.")


def _check_index(settings: Settings) -> Iterator[Finding]:
    with open_articles(settings) as repository:
        generation, articles = repository.generation(), sum(repository.counts().values())
    if not articles:
        yield Finding(
            "index", False, "no articles", "Take some in with `frontdesk kb import PATH`."
        )
        return
    built = find_generation(settings.index_root, generation) is not None
    state = "ready" if built else "missing"
    detail = f"{articles} articles, generation {generation}, {state}"
    yield Finding("index", built, detail, "Make it anew with `frontdesk kb rebuild`.")


def _check_port(settings: Settings) -> Iterator[Finding]:
    place = f"{settings.host}:{settings.port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            mend = "Is it serving already? Otherwise choose another with FRONTDESK_PORT."
            yield Finding("port", False, f"{place}: {error.strerror}", mend)
        else:
            yield Finding("port", True, f"{place} is free")


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _check_models,
    _check_memory,
    _check_disk,
    _check_index,
    _check_port,
)
