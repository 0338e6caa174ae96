"""Where the parts of triage are put together."""

from pathlib import Path
from typing import TYPE_CHECKING

from api.settings import Settings
from api.tickets.triager import Triager, Workshop

if TYPE_CHECKING:
    from agent.ports import ChatModel
    from agent.triage.artefacts import Artefact, Shelf
    from agent.triage.cascade import Cascade, Chooser
    from agent.triage.classifier import Classifier, Encoders
    from agent.triage.effort import Effort
    from agent.triage.hearing import Teacher

# ONNX Runtime, polars and scikit-learn take seconds to import: each function imports what it opens.


def locate_embedder(settings: Settings, name: str) -> Path:
    """Return the folder of an embedding model."""
    return settings.cache / "models" / name


def open_encoders(settings: Settings, *, deep: bool = True) -> "Encoders":
    """Open the embedders of triage; the thorough one only if it is wanted, set and pulled.

    Raises EmbedderMissing if the quick one is not there.
    """
    from agent.triage.classifier import Encoders  # noqa: PLC0415 - as said above
    from agent.triage.encoding import QuantizedEncoder  # noqa: PLC0415 - as said above
    from knowledge_base.errors import EmbedderMissing  # noqa: PLC0415 - as said above

    quick = locate_embedder(settings, settings.embedder)
    if not (quick / "model.safetensors").exists():
        raise EmbedderMissing(f"{quick} is missing; run `frontdesk models pull`.")
    thorough = locate_embedder(settings, settings.triage_embedder)
    if not deep or not settings.triage_embedder or not (thorough / "model.safetensors").exists():
        return Encoders(QuantizedEncoder(quick, settings.threads))
    return Encoders(
        QuantizedEncoder(quick, settings.threads), QuantizedEncoder(thorough, settings.threads)
    )


def open_shelf(settings: Settings) -> "Shelf":
    """Return the trained classifiers in the data folder."""
    from agent.triage.artefacts import Shelf  # noqa: PLC0415 - as said above

    return Shelf(settings.data / "triage")


def open_teacher(encoders: "Encoders") -> "Teacher":
    """Return what judges how a ticket sounds."""
    from agent.language.detection import LinguaDetector  # noqa: PLC0415 - as said above
    from agent.screening.screener import Screener  # noqa: PLC0415 - as said above
    from agent.triage.hearing import Teacher  # noqa: PLC0415 - as said above
    from agent.triage.sentiment import Sentiments  # noqa: PLC0415 - as said above

    return Teacher(Screener.load(), Sentiments.learn(encoders.quick), LinguaDetector())


def open_triager(settings: Settings, model: "ChatModel") -> Triager:
    """Return the running service's triage; nothing is read before the first ticket."""

    def open_workshop(artefact: "Artefact") -> Workshop:
        from agent.triage.choosing import ModelChooser  # noqa: PLC0415 - as said above
        from agent.triage.effort import Effort  # noqa: PLC0415 - as said above

        encoders = fit_encoders(artefact, open_encoders(settings))
        teacher, chooser = open_teacher(encoders), ModelChooser(model, settings.seed)

        def put_together(threshold: float | None = None, *, asking: bool = False) -> "Cascade":
            return open_cascade(
                artefact.classifier,
                teacher,
                encoders,
                Effort.BALANCED,
                threshold=threshold,
                chooser=chooser if asking else None,
            )

        return put_together

    return Triager(lambda: open_shelf(settings), open_workshop, asks=settings.triage_model)


def open_cascade(  # noqa: PLR0913 - the classifier, what it works with, and two choices
    classifier: "Classifier",
    teacher: "Teacher",
    encoders: "Encoders",
    effort: "Effort",
    *,
    threshold: float | None = None,
    chooser: "Chooser | None" = None,
) -> "Cascade":
    """Put a cascade together."""
    from agent.triage.cascade import Cascade, Parts  # noqa: PLC0415 - as said above
    from agent.triage.effort import apply_effort  # noqa: PLC0415 - as said above

    using, chosen = apply_effort(classifier, encoders, effort)
    return Cascade(Parts(using, chosen, teacher, chooser, threshold))


def fit_encoders(artefact: "Artefact", encoders: "Encoders") -> "Encoders":
    """Return the embedders that a classifier was trained with.

    Raises TriageError if the quick one is another; without the thorough one it is only quick.
    """
    from agent.triage.errors import TriageError  # noqa: PLC0415 - as said above

    quick, thorough = artefact.card["embedders"]["quick"], artefact.card["embedders"]["thorough"]
    if quick != encoders.quick.name:
        raise TriageError(
            f"Version {artefact.version} was trained with the embedder {quick}, "
            f"FRONTDESK_EMBEDDER is {encoders.quick.name}: set it back, or train anew."
        )
    if encoders.thorough is None or encoders.thorough.name != thorough:
        return encoders._replace(thorough=None)
    return encoders
