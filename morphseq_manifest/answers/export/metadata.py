"""ro-crate-metadata.json: the entities, and what the crate as a whole is: a Workflow Run Crate 0.5, on RO-Crate 1.1."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple

import msgspec

from morphseq_manifest.answers.export import prov
from morphseq_manifest.answers.export.entities import MAIN, WORKFLOW, Entity, refer
from morphseq_manifest.answers.export.hashes import SUMS
from morphseq_manifest.base.errors import ConfigError
from morphseq_manifest.cohort.manifests import places

PATH = "ro-crate-metadata.json"
_VERSION = "1.1"
_WORKFLOW_CRATE = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    _WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
# Terms that RO-Crate 1.1 lacks; the first two as the terms of Workflow Run Crate have them.
_TERMS = {
    "sha256": "https://w3id.org/ro/terms/workflow-run#sha256",
    "md5": "https://w3id.org/ro/terms/workflow-run#md5",
    "xxh3_128": "https://xxhash.com/#xxh3_128",
}
_LANGUAGE = "https://dvc.org"
_BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
_PERSON = "#person/author"
_DESCRIPTIONS = {
    WORKFLOW: "The stages, as DVC runs them",
    "params.yaml": "The experiments and the settings",
    "dvc.lock": "What every stage last ran with and made, with the md5 of each content",
    str(places.CODE): "Fingerprints of the stages' code",
    str(places.AUDIT): "What was made again, and came out the same or not",
    prov.PATH: "Who used and made what, as PROV-JSON",
    SUMS: "The sha256 of every other file: `sha256sum --check` reads it",
}


class About(NamedTuple):
    """What is said of a crate as a whole: of which commit it is, with the ISO date and the person who made that."""

    title: str
    description: str
    licence: str
    commit: str
    date: str
    person: str


def check_installed() -> None:
    """Raise ConfigError if the package that writes a crate's metadata is not installed."""
    if find_spec("rocrate") is None:
        raise ConfigError("export needs pip install 'morphseq-manifest[export]'")


def dump(entities: Iterable[Entity], about: About) -> bytes:
    """The metadata of a crate with these entities, the same bytes for the same."""
    from rocrate.model import ContextEntity, Dataset, File
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=_VERSION)
    said = [_with_words(entity, about) for entity in entities] + _others(about)
    for entity in said:
        name, kinds = entity["@id"], _kinds(entity)
        if "File" in kinds or "Dataset" in kinds:
            crate.add((File if "File" in kinds else Dataset)(crate, dest_path=name, properties=entity))
        else:
            crate.add(ContextEntity(crate, name, entity))
    actions = sorted(entity["@id"] for entity in said if "CreateAction" in _kinds(entity))
    for key, value in _whole(about, actions).items():
        crate.root_dataset[key] = value
    crate.metadata["conformsTo"] = refer(f"https://w3id.org/ro/crate/{_VERSION}", _WORKFLOW_CRATE)
    crate.metadata.extra_terms.update(_TERMS)
    content = crate.metadata.generate()
    content["@graph"] = sorted(map(_compact, content["@graph"]), key=lambda entity: str(entity["@id"]))
    return msgspec.json.format(msgspec.json.encode(content, order="sorted"), indent=1) + b"\n"


def _kinds(entity: Entity) -> list[str]:
    kinds = entity["@type"]
    return kinds if isinstance(kinds, list) else [kinds]


def _whole(about: About, actions: list[str]) -> Entity:
    """What is said of the crate as a whole."""
    return {
        "name": about.title, "description": about.description, "version": about.commit, "datePublished": about.date,
        "license": refer(about.licence) if _is_address(about.licence) else about.licence, "author": refer(_PERSON),
        "conformsTo": refer(*_PROFILES), "mainEntity": refer(WORKFLOW), "mentions": refer(*actions),
    }  # fmt: skip


def _with_words(entity: Entity, about: About) -> Entity:
    """An entity with what no file of the crate tells of it."""
    name = entity["@id"]
    if name in _DESCRIPTIONS:
        entity = entity | {"description": _DESCRIPTIONS[name]}
    if name == MAIN:
        entity = entity | {"agent": refer(_PERSON)}
    return _as_workflow(entity, about) if name == WORKFLOW else entity


def _compact(entity: Entity) -> Entity:
    """The entity with the one value in place of a list of one, as RO-Crate recommends."""
    return {key: value[0] if isinstance(value, list) and len(value) == 1 else value for key, value in entity.items()}


def _is_address(licence: str) -> bool:
    return licence.startswith(("https://", "http://"))


def _as_workflow(entity: Entity, about: About) -> Entity:
    """dvc.yaml's entity as the workflow that the crate is of."""
    return entity | {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"], "programmingLanguage": refer(_LANGUAGE),
        "conformsTo": refer(_BIOSCHEMAS), "version": about.commit,
    }  # fmt: skip


def _others(about: About) -> list[Entity]:
    """What is said of the world outside, and the one file that can't have its hash here."""
    profiles = [
        {"@id": name, "@type": "CreativeWork", "name": title, "version": version}
        for name, (title, version) in _PROFILES.items()
    ]
    if _is_address(about.licence):
        profiles.append({"@id": about.licence, "@type": "CreativeWork", "name": about.licence})
    return [
        *profiles,
        {"@id": _LANGUAGE, "@type": "ComputerLanguage", "name": "DVC", "url": _LANGUAGE},
        {"@id": _PERSON, "@type": "Person", "name": about.person},
        {"@id": SUMS, "@type": "File", "name": SUMS, "encodingFormat": "text/plain"},
    ]
