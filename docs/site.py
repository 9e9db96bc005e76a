"""What the pages need beside docs/: the order of the menu, and two pages that are made from files of the root."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from properdocs.structure.files import File, Files

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


def pages(folder: str) -> list[dict[str, str]]:
    """The pages of a folder by their headings, in the order of their names."""
    return [
        {path.read_text("utf-8").splitlines()[0].removeprefix("# "): f"{folder}/{path.name}"}
        for path in sorted((DOCS / folder).glob("*.md"))
    ]


def on_config(config: Any) -> Any:
    """The menu: a new decision or stand-in appears by itself."""
    config.nav = [
        {"Start": "index.md"},
        {"Operating": "operating.md"},
        {"Configuration": "configuration.md"},
        {"Metrics": "metrics.md"},
        {"Connectors": "connectors.md"},
        {"Stand-ins": pages("fidelity")},
        {
            "Proofs": [
                {"Bugs that syncd does not have": "bugs-syncd-does-not-have.md"},
                {"Faults": "faults.md"},
                {"Guards": "guards.md"},
            ]
        },
        {"Decisions": pages("decisions")},
        {"Changes": "changelog.md"},
    ]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The commented configuration and the list of changes become pages."""
    example = (ROOT / "config.example.yaml").read_text("utf-8")
    made = {
        "configuration.md": f"# Configuration\n\nEvery key, as `syncd init` writes it.\n\n```yaml\n{example}```\n",
        "changelog.md": (ROOT / "CHANGELOG.md").read_text("utf-8"),
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files
