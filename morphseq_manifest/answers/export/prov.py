"""The same as PROV-JSON, the W3C's form of provenance: entities, activities, and who used and made what."""

from collections.abc import Iterable
from typing import Any

from morphseq_manifest.answers.export.entities import MAIN, Entity

PATH = "prov.json"
_PREFIXES = {"schema": "http://schema.org/", "wfrun": "https://w3id.org/ro/terms/workflow-run#"}
_HASHES = {"sha256": "wfrun:sha256", "md5": "wfrun:md5"}


def document(entities: Iterable[Entity], commit: str) -> dict[str, Any]:
    """The entities of a crate as a document of PROV-JSON; `crate:` begins the names of what the crate has.

    What each stage did is an activity. All that it used or made is an entity, with its hash.
    """
    found: dict[str, Any] = {"prefix": _PREFIXES | {"crate": f"arcp://name,morphseq.{commit}/"}}
    found |= {kind: {} for kind in ("entity", "activity", "used", "wasGeneratedBy")}
    for entity in entities:
        name = f"crate:{entity['@id']}"
        if "md5" in entity or entity["@type"] == "PropertyValue":
            found["entity"][name] = _attributes(entity)
        if entity["@type"] != "CreateAction" or entity["@id"] == MAIN:
            continue
        found["activity"][name] = {"prov:label": entity["name"], "schema:description": entity["description"]}
        for relation, key in (("used", "object"), ("wasGeneratedBy", "result")):
            for other in entity[key]:
                pair = {"prov:activity": name, "prov:entity": f"crate:{other['@id']}"}
                found[relation][f"_:{relation}{len(found[relation])}"] = pair
    return found


def _attributes(entity: Entity) -> dict[str, Any]:
    hashes = {name: entity[key] for key, name in _HASHES.items() if key in entity}
    value = {"prov:value": entity["value"]} if "value" in entity else {}
    return {"prov:label": entity["name"]} | hashes | value
