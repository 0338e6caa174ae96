"""The models that Frontdesk knows, and where their files lie."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["answers", "answers-large", "small", "embeddings", "embeddings-large"]


class Entry(BaseModel):
    """A part of the catalogue: frozen, and strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelFile(Entry):
    """A file of a model: `path` under the model's place, `size` in bytes."""

    path: str
    size: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class IndexSource(Entry):
    """Packages of an index that hold a model; catalogue.toml says how to read the templates."""

    package: str
    version: str
    parts: int = Field(ge=1)
    member: str
    archive: str | None = None

    def name_package(self, part: int) -> str:
        """Return the requirement of one part, its version pinned."""
        return f"{self.package.format(n=part)}=={self.version}"


class Model(Entry):
    """A model of the catalogue. `tested`: an evaluation of it stands in the repository."""

    name: str
    role: Role
    title: str
    licence: str
    hub: str
    tested: bool
    files: tuple[ModelFile, ...] = Field(min_length=1)
    folder: str | None = None
    index: IndexSource | None = None

    @property
    def size(self) -> int:
        """All its files together, in bytes."""
        return sum(file.size for file in self.files)

    @property
    def sha256(self) -> str:
        """The hash of its largest file: the weights."""
        return max(self.files, key=lambda file: file.size).sha256

    def locate(self, models: Path) -> Path:
        """Return what a loader is given: the model's folder, or its only file."""
        return models / (self.folder or self.files[0].path)

    def locate_file(self, models: Path, file: ModelFile) -> Path:
        """Return where one of its files lies under the folder of all models."""
        return models / (self.folder or "") / file.path


class Catalogue(Entry):
    """All of catalogue.toml."""

    model: tuple[Model, ...]


class UnknownModel(LookupError):  # noqa: N818 - reads better where it is caught
    """No model of that name is in the catalogue."""


@cache
def read_catalogue() -> tuple[Model, ...]:
    """Return all models, in the catalogue's order."""
    text = Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    return parse_catalogue(text)


def parse_catalogue(text: str) -> tuple[Model, ...]:
    """Read a catalogue's TOML. Raises pydantic's ValidationError, which names the wrong key."""
    return Catalogue.model_validate(tomllib.loads(text)).model


def find(name: str) -> Model:
    """Return the model of that name. Raises UnknownModel, which lists the names."""
    models = read_catalogue()
    for model in models:
        if model.name == name:
            return model
    names = ", ".join(model.name for model in models)
    raise UnknownModel(f"There is no model {name!r}. The catalogue has: {names}.")


def by_role(role: Role) -> Model:
    """Return the model that has a role."""
    return next(model for model in read_catalogue() if model.role == role)
