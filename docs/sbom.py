"""The list of parts, as CycloneDX JSON, from the lock: `python docs/sbom.py [requirements.lock]`."""

from __future__ import annotations

import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_PART = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]*))?"
)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")


def parts(lock: str) -> Iterator[dict[str, Any]]:
    """Each package of a hash-checked requirements file.

    Raises:
        ValueError: a line is not understood, or a package has no hash.
    """
    for entry in lock.replace("\\\n", " ").splitlines():
        line = entry.strip()
        if not line or line.startswith("#"):
            continue
        found, hashes = _PART.match(line), _HASH.findall(line)
        if not found or not hashes:
            raise ValueError(f"not understood: {line[:60]}")
        name = re.sub(r"[-_.]+", "-", found["name"]).lower()
        reference = f"pkg:pypi/{name}@{found['version']}"
        part: dict[str, Any] = {
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "version": found["version"],
            "purl": reference,
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in sorted(set(hashes))],
        }
        marker = _HASH.sub("", found["marker"] or "").strip()
        if marker:
            part["properties"] = [{"name": "syncd:marker", "value": marker}]
        yield part


def document(lock: str, version: str) -> dict[str, Any]:
    """The whole document; the same lock gives the same bytes."""
    components = sorted(parts(lock), key=lambda part: str(part["bom-ref"]))
    own = f"pkg:pypi/syncd@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_SPACE, own + lock)}",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": "syncd",
                "version": version,
                "purl": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": [part["bom-ref"] for part in components]}],
    }


def version() -> str:
    """The version in the source, without importing it."""
    found = re.search(r'__version__ = "([^"]+)"', (ROOT / "syncd" / "__init__.py").read_text("utf-8"))
    if not found:
        raise ValueError("syncd/__init__.py has no version")
    return found[1]


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "requirements.lock"
    json.dump(document(path.read_text("utf-8"), version()), sys.stdout, indent=2)
    sys.stdout.write("\n")
