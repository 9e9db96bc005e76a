"""A real Prometheus beside a real daemon: does it read the metrics, the rules and the dashboard as they are meant?

`python -m tests.optin.prometheus [FOLDER]`, by hand. Takes the prometheus that is installed, or fetches Debian's
package into FOLDER without installing it. Ends with 0 when every check passed, 1 when one failed, 77 when there is
neither.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from syncd.metrics import CATALOGUE
from tests.rehearsals import ROOT, stages
from tests.services import get, service

DOCS = ROOT / "docs"
RULES = DOCS / "alerts" / "syncd.rules.yml"
VENDORS = ("hubspot", "contactout", "rocketreach", "crustdata", "waterfall_io", "reverselooker")
SLOW = ({"kind": "delay", "seconds": 1.0, "rate": 1.0},)
"""So that Prometheus looks on while there is something to see."""
PATIENCE_S = 90.0
MISSING = 77


@dataclass
class Checks:
    """What was looked at, a line each."""

    failed: list[str] = field(default_factory=list)

    def that(self, name: str, well: bool, why: object = "") -> None:
        print(f"{'ok  ' if well else 'FAIL'} {name}" + (f"\n       {why}" if not well else ""), flush=True)
        if not well:
            self.failed.append(name)

    def run(self, name: str, *command: str | Path, given: str = "") -> None:
        """A command that has to end with 0 and has nothing to say on stderr."""
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
        self.that(name, done.returncode == 0, (done.stdout + done.stderr)[-2000:])


@dataclass
class Prometheus:
    """One server, by its HTTP interface."""

    url: str

    def ask(self, path: str, **query: str) -> Any:
        """The `data` of an answer, or the error as text."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            return json.load(error).get("error", str(error.code))
        except OSError:
            return None

    def values(self, expression: str) -> list[Any]:
        found = self.ask("query", query=expression)
        return found["result"] if isinstance(found, dict) else []


def programs(folder: Path) -> tuple[Path, Path] | None:
    """prometheus and promtool: the installed ones, or Debian's out of its package."""
    installed = [shutil.which(name) for name in ("prometheus", "promtool")]
    if all(installed):
        return Path(str(installed[0])), Path(str(installed[1]))
    place = folder / "prometheus"
    if not (place / "usr/bin/prometheus").exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            return None
        print("Fetching Debian's prometheus …", flush=True)
        if subprocess.run(["apt-get", "download", "prometheus"], cwd=folder, check=False).returncode:
            return None
        for package in folder.glob("prometheus_*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, place], check=True)
    return place / "usr/bin/prometheus", place / "usr/bin/promtool"


def until(question: Callable[[], bool]) -> bool:
    """Whether it became true in time."""
    pause, rounds = threading.Event(), int(PATIENCE_S / 0.5)
    return any(question() or pause.wait(0.5) for _ in range(rounds))


@contextmanager
def watching(program: Path, folder: Path, target: str) -> Iterator[Prometheus]:
    """Prometheus with the configuration that is shipped, at our target and in a hurry."""
    yaml = YAML(typ="safe", pure=True)
    shipped = yaml.load((DOCS / "alerts" / "prometheus.yml").read_text("utf-8"))
    shipped["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    shipped["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    place = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
    shutil.copy(RULES, place)
    (place / "prometheus.yml").write_text(json.dumps(shipped))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={place / 'prometheus.yml'}",
                f"--storage.tsdb.path={place / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(place)


def panels() -> list[tuple[str, str]]:
    """Every expression of the dashboard as Grafana would send it."""
    board = json.loads((DOCS / "grafana" / "syncd.json").read_text("utf-8"))
    return [
        (panel["title"], target["expr"].replace("$__rate_interval", "5m").replace("$job", "syncd"))
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]


def dashboard(server: Prometheus) -> tuple[list[Any], set[str]]:
    """The expressions that are refused, and the panels that stay without data while contacts are enriched."""
    wrong: list[Any] = []
    empty = {title for title, _ in panels()}

    def full() -> bool:
        for title, expression in panels():
            said = server.ask("query", query=expression)
            if not isinstance(said, dict):
                wrong.append((title, said))
            elif said["result"]:
                empty.discard(title)
        return bool(wrong) or not empty

    until(full)
    return wrong, empty


def look(server: Prometheus, checks: Checks) -> None:
    """While the daemon runs."""
    up = until(lambda: [v["value"][1] for v in server.values('up{job="syncd"}')] == ["1"])
    targets = server.ask("targets") or {"activeTargets": []}
    checks.that("the target is up", up, [t["lastError"] for t in targets["activeTargets"]])
    # Rates need two looks, and every rule its first evaluation.
    scraped = 'count_over_time(up{job="syncd"}[1h]) >= 5'
    until(lambda: bool(server.values(scraped)))
    rules = [r for g in server.ask("rules")["groups"] for r in g["rules"]]
    sick = [(r["name"], r["health"], r.get("lastError", "")) for r in rules if r["health"] != "ok"]
    checks.that(f"all {len(rules)} rules are healthy", bool(rules) and not sick, sick)
    firing = [r["name"] for r in rules if r["state"] == "firing"]
    checks.that("no alert fires while all is well", not firing, firing)
    wrong, empty = dashboard(server)
    checks.that(f"all {len(panels())} expressions of the dashboard are answered", not wrong, wrong)
    checks.that("every panel has data", not empty, empty)
    names = {f"{n}_count" if f.type == "histogram" else n for n, f in CATALOGUE.items()}
    absent = sorted(n for n in names if not server.values(f'{n}{{job="syncd"}}'))
    checks.that(f"all {len(names)} families of the catalogue are stored", not absent, absent)
    stored = server.values('scrape_samples_scraped{job="syncd"}')
    checks.that("fewer than 2,000 series", 0 < float(stored[0]["value"][1]) < 2000, stored)


def main() -> int:
    folder = Path(
        sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="syncd-prometheus-")
    ).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found = programs(folder)
    if found is None:
        print("missing: prometheus (apt-get install prometheus)", file=sys.stderr)
        return MISSING
    prometheus, promtool = found
    checks = Checks()
    checks.run("promtool accepts the rules", promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES)
    checks.run("the rules' tests pass", promtool, "test", "rules", DOCS / "alerts" / "syncd.test.yml")
    with stages(Path(tempfile.mkdtemp(prefix="stage-", dir=folder))) as direct:
        play = direct(
            contacts=60,
            vendors=VENDORS,
            changes={"http": {"listen": "127.0.0.1:0"}},
            faults=dict.fromkeys(VENDORS, SLOW),
        )
        with (
            service(play, "daemon.ready") as running,
            watching(prometheus, folder, running.url.removeprefix("http://")) as server,
        ):
            metrics = get(f"{running.url}/metrics")[1]
            checks.run(
                "promtool finds nothing wrong with /metrics", promtool, "check", "metrics", given=metrics
            )
            look(server, checks)
            running.end()
            down = until(lambda: [v["value"][1] for v in server.values('up{job="syncd"}')] == ["0"])
            checks.that("a daemon that has ended is noticed", down)
            pending = until(
                lambda: any(
                    r["name"] == "SyncdDown" and r["state"] != "inactive"
                    for g in server.ask("rules")["groups"]
                    for r in g["rules"]
                )
            )
            checks.that("and SyncdDown begins to count", pending)
    print(f"{len(checks.failed)} failed" if checks.failed else "done")
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(main())
