"""Orders of a person that are cut short: an undo or an accepted proposal that dies before or after the CRM wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.hubspot.transport import Transport
from connectors.sandbox import REHEARSALS, SERVERS
from connectors.sandbox.population import Population
from syncd.cli import main
from syncd.connector import Failure
from syncd.rehearsal import Rehearsal, Stand
from tests.contract.loopback import Loopback
from tests.flow.test_hand import PROPOSE, values
from tests.rehearsals import Said, Stage


class Died(BaseException):
    """The process is gone in the middle of a write."""


class Play(Stage):
    """A stage whose servers and commands live in this process."""

    def command(self, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = main([*arguments, "--config", str(self.config)])
        return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def servers() -> Iterator[Mapping[str, Loopback]]:
    opened = {vendor: Loopback() for vendor in ("hubspot", "salesforce", "contactout")}
    yield opened
    for server in opened.values():
        server.close()


@pytest.fixture
def stage(tmp_path: Path, servers: Mapping[str, Loopback]) -> Callable[..., Play]:
    """`stage(contacts, vendors=, changes=)`."""

    def direct(
        contacts: int,
        vendors: tuple[str, ...] = ("hubspot", "contactout"),
        changes: Mapping[str, Any] | None = None,
    ) -> Play:
        people = Population.invent(contacts, seed=1)
        play = Play(Rehearsal(tmp_path), swift=True)
        for vendor in vendors:
            servers[vendor].stage(
                import_module(SERVERS[vendor]).Server(people, dict(REHEARSALS[vendor].swift))
            )
            play.rehearsal.stands[vendor] = Stand(vendor, servers[vendor].url, cast("Any", None))
        play.configure(changes or {})
        return play

    return direct


Director = Callable[..., Play]


def dying(monkeypatch: pytest.MonkeyPatch, after: bool) -> Callable[[], None]:
    """From now on this process dies at its next write to HubSpot: before it reaches the CRM, or `after`."""
    from connectors.hubspot.connector import Connector

    ordinary = Connector.write

    def write(self: Any, *given: Any) -> Any:
        if after:
            ordinary(self, *given)
        raise Died

    monkeypatch.setattr(Connector, "write", write)
    return lambda: monkeypatch.setattr(Connector, "write", ordinary)


def order(play: Stage, *words: str) -> None:
    """A command in this process, which may die in it."""
    with suppress(Died):
        play.command(*words, "--json")


def proposals(play: Stage) -> list[dict[str, Any]]:
    return list(play.command("proposals", "list", "--json").json["proposals"])


def written(play: Stage) -> list[tuple[str, str]]:
    return [(w["record"], w["property"]) for w in play.stand("hubspot").ask("books")["writes"]]


@pytest.mark.parametrize("after", [False, True])
def test_a_proposal_whose_acceptance_was_cut_short_is_written_or_waits_again(
    stage: Director, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    play = stage(contacts=24, changes=PROPOSE)
    play.cycle()
    first = proposals(play)[0]
    place = (first["contact"], "mobilephone")
    mend = dying(monkeypatch, after)
    order(play, "proposals", "accept", str(first["id"]))
    mend()
    again = play.cycle()
    assert again.report["calls"]["contactout"]["total"] == 0
    assert play.oracle() == []
    assert (first["id"] in {p["id"] for p in proposals(play)}) is not after
    assert written(play).count(place) == after
    if not after:
        assert play.command("proposals", "accept", str(first["id"]), "--json").json["accepted"] == 1
    assert values(play)[place] == first["after"]
    assert written(play).count(place) == 1
    assert play.oracle() == []


@pytest.mark.parametrize("after", [False, True])
def test_an_undo_that_was_cut_short_is_carried_out_once_when_it_is_ordered_again(
    stage: Director, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    play = stage(contacts=12)
    run_id = play.cycle().report["run_id"]
    places = set(written(play))
    mend = dying(monkeypatch, after)
    order(play, "undo", str(run_id))
    mend()
    told = play.command("undo", str(run_id), "--json").json
    assert (told["undone"], told["kept"], told["failed"]) == (0 if after else len(places), 0, 0)
    assert all(values(play)[place] == "" for place in places)
    assert all(written(play).count(place) == 2 for place in places)
    assert play.oracle() == []
    assert not any(f["filled"] for f in play.cycle().report["fields"].values())


def test_an_undo_that_was_cut_short_is_settled_by_the_next_cycle(
    stage: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = stage(contacts=12)
    run_id = play.cycle().report["run_id"]
    places = set(written(play))
    mend = dying(monkeypatch, after=True)
    order(play, "undo", str(run_id))
    mend()
    again = play.cycle()
    assert not any(f["filled"] for f in again.report["fields"].values())
    assert play.oracle() == []
    assert {v for p, v in values(play).items() if p in places} == {""}
    assert play.command("undo", str(run_id), "--json").json["undone"] == 0


@pytest.mark.parametrize(
    "fault",
    [{"kind": "reset_after"}, {"kind": "reset_before"}, {"kind": "status", "status": 400, "body": "{}"}],
)
def test_an_answer_that_was_lost_in_mid_accept_leaves_nothing_open(
    stage: Director, fault: dict[str, Any]
) -> None:
    play = stage(contacts=24, changes=PROPOSE)
    play.cycle()
    ids = [str(p["id"]) for p in proposals(play)]
    play.stand("hubspot").ask("faults", [{**fault, "path": "*/batch/update", "every": 1}])
    play.command("proposals", "accept", *ids, "--json")
    assert play.oracle() == []
    reached = {record for record, name in written(play) if name == "mobilephone"}
    assert reached.isdisjoint(p["contact"] for p in proposals(play))


def test_what_somebody_else_has_put_back_is_not_booked_as_our_write(stage: Director) -> None:
    play = stage(contacts=12)
    run_id = play.cycle().report["run_id"]
    record, name = next(p for p in written(play) if p[1] == "jobtitle")
    play.stand("hubspot").ask("edit", {"id": record, "as": "integration", "properties": {name: ""}})
    told = play.command("undo", str(run_id), "--contact", record, "--field", "job_title", "--json").json
    assert (told["undone"], told["kept"]) == (1, 0)
    assert written(play).count((record, name)) == 1
    assert "undo.confirmed" not in play.command("audit", "export").out
    assert play.oracle() == []
    assert not any(f["filled"] for f in play.cycle().report["fields"].values())
    assert values(play)[record, name] == ""


def test_a_proposal_that_somebody_typed_in_meanwhile_is_not_ours(stage: Director) -> None:
    play = stage(contacts=24, changes=PROPOSE)
    play.cycle()
    first = proposals(play)[0]
    play.stand("hubspot").ask("edit", {"id": first["contact"], "properties": {"mobilephone": first["after"]}})
    told = play.command("proposals", "accept", str(first["id"]), "--json").json
    assert (told["accepted"], told["kept"]) == (0, 1)
    assert "already" in told["stayed"][0]["why"]
    assert play.oracle() == []
    assert first["id"] not in {p["id"] for p in proposals(play)}


def test_only_the_crm_of_the_proposal_is_asked(stage: Director) -> None:
    play = stage(contacts=12, vendors=("hubspot", "salesforce", "contactout"), changes=PROPOSE)
    play.cycle()
    before = play.stand("salesforce").ask("journal", summary="1")["total"]
    first = next(p for p in proposals(play) if p["crm"] == "hubspot-sandbox")
    assert play.command("proposals", "accept", str(first["id"]), "--json").json["accepted"] == 1
    told = play.command("undo", "--contact", first["contact"], "--json").json
    assert told["undone"] >= 1
    assert play.stand("salesforce").ask("journal", summary="1")["total"] == before


def test_an_edit_that_follows_a_write_whose_answer_is_lost_survives_it(
    stage: Director, monkeypatch: pytest.MonkeyPatch
) -> None:
    play = stage(contacts=24)
    play.stand("hubspot").ask(
        "faults", [{"kind": "reset_after", "path": "*/batch/update", "every": 1, "times": 1}]
    )
    ordinary, edited = Transport.update, set[str]()

    def update(self: Transport, body: Any) -> Any:
        try:
            return ordinary(self, body)
        except Failure:
            for one in body["inputs"]:
                if "jobtitle" in one["properties"]:
                    edit = {"id": one["id"], "properties": {"jobtitle": "Person of Her Own Mind"}}
                    play.stand("hubspot").ask("edit", edit)
                    edited.add(one["id"])
            raise

    monkeypatch.setattr(Transport, "update", update)
    outcome = play.cycle()
    assert (outcome.code, outcome.report["contacts"]["waiting"]) == (0, 0)
    assert len(edited) > 3
    held = values(play)
    assert {held[record, "jobtitle"] for record in edited} == {"Person of Her Own Mind"}
    assert play.oracle() == []
