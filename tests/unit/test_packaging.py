"""What is shipped: archives that come out the same twice, pages that are not stale, units, the list of parts."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from syncd.cli import main
from syncd.cli.verbs import VERBS

ROOT = Path(__file__).parents[2]
PARTS = ("syncd", "connectors", "systemd", "docs", "tests", "bench")
FILES = (
    "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "Dockerfile",
    ".dockerignore", "config.example.yaml", "requirements.lock", "requirements-dev.lock", ".gitignore",
    "properdocs.yml",
)  # fmt: skip


def script(name: str) -> ModuleType:
    """A script of docs/, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, bytes]]]:
    """Two builds from two copies of the source; each its archives by name."""
    found = []
    for number in (1, 2):
        place = tmp_path_factory.mktemp(f"build-{number}") / "source"
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".hypothesis")
        for part in PARTS:
            shutil.copytree(ROOT / part, place / part, ignore=ignored)
        for name in FILES:
            shutil.copy(ROOT / name, place / name)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", "out"],
            cwd=place, check=True, capture_output=True,
            env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        found.append({path.name: path.read_bytes() for path in (place / "out").iterdir()})
    return found


def test_two_builds_are_the_same_bytes(built: list[dict[str, bytes]]) -> None:
    first, second = built
    assert sorted(name.rpartition(".")[2] for name in first) == ["gz", "whl"]
    assert first == second


def test_the_wheel_has_everything_that_runs_and_nothing_else(
    built: list[dict[str, bytes]], tmp_path: Path
) -> None:
    name = next(name for name in built[0] if name.endswith(".whl"))
    (tmp_path / name).write_bytes(built[0][name])
    names = set(zipfile.ZipFile(tmp_path / name).namelist())
    for wanted in (
        "syncd/store/migrations/env.py",
        "syncd/store/migrations/versions/0001_first_schema.py",
        "syncd/data/countries.txt",
        "syncd/data/freemail.txt",
        "syncd/data/config.example.yaml",
        "syncd/data/systemd/syncd.service",
        "syncd/data/systemd/syncd@.service",
        "syncd/data/systemd/syncd.sysusers",
        "syncd/data/systemd/syncd.tmpfiles",
        "syncd/data/man/syncd.1",
        "syncd/data/man/syncd.yaml.5",
        "syncd/data/man/syncd.service.8",
        "connectors/sandbox/hubspot/server.py",
        "connectors/sandbox/population.py",
    ):
        assert wanted in names
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"syncd", "connectors"}
    assert not [name for name in names if "test" in name or name.endswith((".pyc", ".db"))]


def test_the_source_archive_builds_and_tests(built: list[dict[str, bytes]], tmp_path: Path) -> None:
    name = next(name for name in built[0] if name.endswith(".tar.gz"))
    (tmp_path / name).write_bytes(built[0][name])
    with tarfile.open(tmp_path / name) as tar:
        names = {member.partition("/")[2] for member in tar.getnames()}
    assert {
        "pyproject.toml",
        "Makefile",
        "requirements.lock",
        "tests/conftest.py",
        "systemd/syncd.service",
    } <= names
    assert not [name for name in names if name.startswith(("dist/", ".venv/", "out/"))]


def test_the_man_pages_are_those_of_the_commands_and_options() -> None:
    """`make man` writes them anew."""
    for name, page in script("manpages").pages().items():
        assert (ROOT / "docs" / "man" / name).read_text("utf-8") == page, f"{name} is stale: make man"
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", page.split("\n")[0])


def test_the_man_page_has_every_verb_and_exit_code() -> None:
    page = (ROOT / "docs" / "man" / "syncd.1").read_text("utf-8").replace("\\-", "-")
    for verb in VERBS:
        assert f".SS syncd {verb}" in page
    assert "\\fB78\\fR" in page


@pytest.mark.optin
@pytest.mark.parametrize("name", ["syncd.1", "syncd.yaml.5", "syncd.service.8"])
def test_man_reads_the_pages_without_a_complaint(name: str) -> None:
    groff = shutil.which("groff") or shutil.which("mandoc")
    if groff is None:
        pytest.skip("neither groff nor mandoc is here")
    words = ["-man", "-ww", "-z"] if groff.endswith("groff") else ["-T", "lint"]
    done = subprocess.run(
        [groff, *words, str(ROOT / "docs" / "man" / name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_list_of_parts_has_every_package_of_the_lock_and_is_the_same_twice() -> None:
    sbom = script("sbom")
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    made = sbom.document(lock, sbom.version())
    assert json.dumps(made) == json.dumps(sbom.document(lock, sbom.version()))
    pinned = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;\\]+)", lock, re.MULTILINE)
    assert len(made["components"]) == len(pinned) > 20
    assert {f"pkg:pypi/{name}@{version}" for name, version in pinned} == {
        c["purl"] for c in made["components"]
    }
    assert all(component["hashes"] for component in made["components"])


def test_a_lock_without_hashes_gives_no_list() -> None:
    with pytest.raises(ValueError, match="not understood"):
        list(script("sbom").parts("click==8.2\n"))


def call(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capfd.readouterr()
    return code, out, err


def test_install_shows_what_it_would_place_and_places_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capfd, "install", "--systemd", "--dry-run", "--json", "--bin", "/opt/syncd/bin/syncd")
    told = json.loads(out)
    assert (code, told["dry_run"]) == (0, True)
    assert "/etc/systemd/system/syncd.service" in {piece["path"] for piece in told["files"]}
    assert told["commands"] == ["systemd-sysusers", "systemd-tmpfiles --create", "systemctl daemon-reload"]
    code, out, _ = call(capfd, "install", "--systemd", "--dry-run", "--root", "/nowhere")
    assert "/nowhere/etc/sysusers.d/syncd.conf" in out
    assert "Nothing was done" in out


def test_install_places_units_that_run_the_command_that_is_there(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("install", "--systemd", "--root", str(tmp_path), "--bin", "/opt/syncd/bin/syncd", "--json")
    code, out, _ = call(capfd, *arguments)
    assert (code, {piece["what"] for piece in json.loads(out)["files"]}) == (0, {"new"})
    unit = (tmp_path / "etc/systemd/system/syncd.service").read_text()
    assert "ExecStart=/opt/syncd/bin/syncd run --config /etc/syncd/config.yaml" in unit
    assert "ExecReload=/opt/syncd/bin/syncd reload" in unit
    assert not (tmp_path / "etc/syncd/config.yaml").exists()
    assert (tmp_path / "etc/syncd/config.example.yaml").read_bytes() == (
        ROOT / "config.example.yaml"
    ).read_bytes()


def test_install_leaves_a_configuration_and_what_is_in_place_alone(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("install", "--systemd", "--root", str(tmp_path), "--bin", "/opt/syncd/bin/syncd", "--json")
    call(capfd, *arguments)
    (tmp_path / "etc/syncd/config.yaml").write_text("mine")
    (tmp_path / "etc/sysusers.d/syncd.conf").write_text("old")
    _, out, _ = call(capfd, *arguments)
    whats = {Path(piece["path"]).name: piece["what"] for piece in json.loads(out)["files"]}
    assert whats["syncd.service"] == "same"
    assert whats["syncd.conf"] in ("same", "changed")
    assert (tmp_path / "etc/sysusers.d/syncd.conf").read_text().startswith("# sysusers.d(5)")
    assert (tmp_path / "etc/syncd/config.yaml").read_text() == "mine"


def test_install_refuses_a_command_that_the_service_cannot_see(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = call(
        capfd, "install", "--systemd", "--root", str(tmp_path), "--bin", "/home/ann/.local/bin/syncd"
    )
    assert code == 2
    assert "hidden from the service" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(capfd: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, _ = call(capfd, "completion", shell)
    assert code == 0
    assert "_SYNCD_COMPLETE" in out


def test_completion_knows_the_verbs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "syncd"], capture_output=True, text=True, check=False, cwd=ROOT,
        env={**os.environ, "_SYNCD_COMPLETE": "bash_complete", "COMP_WORDS": "syncd rel", "COMP_CWORD": "1"},
    )  # fmt: skip
    assert done.stdout.split() == ["plain,reload"]


def test_the_container_is_not_root_and_asks_for_its_health() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith("USER ")]
    assert users == ["USER 10001:10001"]
    assert any('CMD ["syncd", "healthcheck"]' in line for line in lines)
    assert lines.index('ENTRYPOINT ["syncd"]') > lines.index(users[0])


def directives(unit: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in (ROOT / "systemd" / unit).read_text().splitlines():
        key, sign, value = line.partition("=")
        if sign and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("unit", ["syncd.service", "syncd@.service"])
def test_a_unit_says_what_the_service_needs(unit: str) -> None:
    said = directives(unit)
    assert said["Type"] == ["notify"]
    assert said["RestartPreventExitStatus"] == ["78 6"]
    assert "syncd run --config" in said["ExecStart"][0]
    assert said["ExecReload"][0].endswith("--pid $MAINPID")
    assert int(said["WatchdogSec"][0]) >= 30
    assert said["MemoryDenyWriteExecute"] == ["yes"]
    assert said["CapabilityBoundingSet"] == [""]


Analyze = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def analyze() -> Analyze:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not here")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tool, *arguments], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
        )

    return run


@pytest.mark.optin
@pytest.mark.parametrize("unit", ["syncd.service", "syncd@.service"])
def test_systemd_rates_the_exposure_at_most_one_and_a_half(analyze: Analyze, unit: str) -> None:
    done = analyze("security", "--offline=true", "--threshold=15", "--no-pager", str(ROOT / "systemd" / unit))
    assert done.returncode == 0, done.stdout[-400:]
    score = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert score is not None and float(score[1]) <= 1.5


@pytest.mark.optin
@pytest.mark.parametrize("unit", ["syncd.service", "syncd@.service"])
def test_systemd_finds_nothing_wrong_with_the_units(analyze: Analyze, tmp_path: Path, unit: str) -> None:
    text = (ROOT / "systemd" / unit).read_text().replace("/usr/bin/syncd", "/bin/true")
    # It asks man for the pages, which are only there once they are installed.
    text = re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE)
    place = tmp_path / unit.replace("@.", "@one.")
    place.write_text(text)
    done = analyze("verify", "--man=no", str(place))
    assert (done.returncode, done.stderr) == (0, "")


ALERTS = (
    "SyncdDown", "SyncdTaskStale", "SyncdFreshnessSlow", "SyncdBacklogGrowing", "SyncdBudgetExhaustsEarly",
    "SyncdBudgetExhausted", "SyncdSpendSpike", "SyncdLedgerDrift", "SyncdUnknownSpend", "SyncdProviderFailing",
    "SyncdHitRateCollapse", "SyncdCrmQuotaLow", "SyncdWriteConflicts", "SyncdDeadLetters", "SyncdAuthFailed",
    "SyncdStopped", "SyncdConfigReloadFailed", "SyncdDiskLow",
)  # fmt: skip


def guide() -> str:
    return (ROOT / "docs" / "operating.md").read_text("utf-8")


def test_the_guide_says_of_every_alert_what_to_do() -> None:
    sections = dict(re.findall(r"^### (\w+)\n(.+?)(?=^##)", guide(), re.MULTILINE | re.DOTALL))
    assert set(ALERTS) <= sections.keys()
    assert all(len(text.split()) > 15 for text in sections.values())


def test_the_guide_reaches_a_service_in_ten_commands_that_exist() -> None:
    block = guide().split("```")[1].strip().splitlines()
    assert len(block) <= 10
    used = [found[1] for line in block if (found := re.search(r"(?:^|-- |notify )syncd ([a-z-]+)", line))]
    assert used == ["install", "sandbox", "status"]
    assert set(used) <= VERBS.keys()


def test_the_guide_names_only_verbs_and_anchors_that_exist() -> None:
    for verb in re.findall(r"`(?:runuser -u syncd -- )?syncd ([a-z][a-z-]+)", guide()):
        assert verb in VERBS, verb
    heads = {
        re.sub(r"[^\w -]", "", head).strip().lower().replace(" ", "-")
        for head in re.findall(r"^#+ (.+)$", guide(), re.MULTILINE)
    }
    for anchor in re.findall(r"\]\(#([\w-]+)\)", guide()):
        assert anchor in heads, anchor
