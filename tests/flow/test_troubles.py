"""What an operator meets sooner or later: one clear message, the right exit code, nothing lost, nothing spent."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rehearsals import ROOT, Director, Said, Stage


def spent(play: Stage) -> int:
    return int(play.stand("contactout").ask("books", summary="1")["charges_count"])


def wrote(play: Stage) -> int:
    return int(play.stand("hubspot").ask("books", summary="1")["writes_count"])


def assert_idle(play: Stage) -> None:
    assert (spent(play), wrote(play)) == (0, 0)


def credential(play: Stage, vendor: str, text: str) -> None:
    (play.rehearsal.folder / f"{vendor}.token").write_text(text)


def one_message(said: Said) -> str:
    told = said.json["messages"]
    assert len(told) == 1, told
    return str(told[0])


def test_a_wrong_provider_key(stage: Director) -> None:
    play = stage(contacts=30)
    credential(play, "contactout", "not-the-key")
    said = play.command("once", "--json")
    assert said.code == 6
    assert one_message(said).startswith("contactout: the credential is refused")
    assert_idle(play)
    assert play.command("status").out.startswith("Something needs you: contactout is stopped")
    credential(play, "contactout", "sandbox-contactout-key")
    mended = play.command("once", "--json")
    assert (mended.code, mended.json["contacts"]["waiting"]) == (0, 0)
    assert mended.json["contacts"]["enriched"] > 10


def test_a_wrong_crm_key(stage: Director) -> None:
    play = stage(contacts=30)
    credential(play, "hubspot", "not-the-key")
    said = play.command("once", "--json")
    assert said.code == 6
    assert "hubspot-sandbox: the credential is refused" in one_message(said)
    assert_idle(play)


def test_a_token_that_expires_in_mid_run(stage: Director) -> None:
    play = stage(contacts=120)
    play.stand("hubspot").ask(
        "faults", {"kind": "status", "status": 401, "method": "POST", "path": "*/batch/update"}
    )
    said = play.command("once", "--json")
    assert said.code == 6
    assert "the credential is refused" in one_message(said)
    assert wrote(play) == 0
    _clear(play, "hubspot")
    mended = play.hurried()
    assert (mended.code, mended.report["contacts"]["waiting"]) == (0, 0)
    assert wrote(play) > 30
    play.assert_well()


def test_out_of_credits(stage: Director) -> None:
    play = stage(contacts=60, settings={"contactout": {"balance": {"email": 0, "phone": 0, "search": 0}}})
    said = play.command("once", "--json")
    assert said.code in (4, 6)
    assert said.json["contacts"]["no_budget"] + said.json["contacts"]["waiting"] > 20
    assert wrote(play) == 0
    assert said.json["contacts"]["unaccounted"] == 0


def test_no_access_to_an_endpoint(stage: Director) -> None:
    play = stage(contacts=40, settings={"contactout": {"no_access": ["/v1/people/enrich"]}})
    said = play.command("once", "--json")
    assert said.code in (0, 6)
    assert said.json["contacts"]["unaccounted"] == 0
    assert play.oracle() == []


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("no_such_property", "does not have"),
        ("hs_object_id", "read-only"),
    ],
)
def test_a_property_that_cannot_be_written(stage: Director, to: str, sentence: str) -> None:
    play = stage(
        contacts=10, changes={"syncs": {"hubspot-sandbox-contacts": {"fields": {"job_title": {"to": to}}}}}
    )
    said = play.command("once", "--json")
    assert said.code == 6
    assert sentence in one_message(said)
    assert to in one_message(said)
    checked = play.command("check", "--online", "--json")
    assert checked.code == 78
    assert [p["code"] for p in checked.json["problems"]] == ["sync.property"]
    assert checked.json["problems"][0]["line"] > 1
    assert_idle(play)


def test_another_portal(stage: Director) -> None:
    play = stage(contacts=10, changes={"crms": {"hubspot-sandbox": {"account": "999"}}})
    said = play.command("once")
    assert said.code == 6
    assert "opens account 4242424, but crms.hubspot-sandbox.account is 999" in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert_idle(play)
    assert play.command("check", "--online").code == 6


def test_an_unreachable_host(stage: Director) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    play = stage(contacts=10, changes={"crms": {"hubspot-sandbox": {"base_url": f"http://127.0.0.1:{port}"}}})
    said = play.command("once", "--json")
    assert said.code == 5
    assert "not reachable" in one_message(said)
    assert_idle(play)


def test_malformed_yaml(stage: Director) -> None:
    play = stage(contacts=1)
    play.config.write_text(play.config.read_text() + "\nmodee: live\n  oops: [\n")
    said = play.command("once")
    assert said.code == 78
    assert "config.yaml:" in said.err
    assert said.out == ""


def test_a_missing_credential(stage: Director) -> None:
    play = stage(contacts=1)
    (play.rehearsal.folder / "contactout.token").unlink()
    said = play.command("once")
    assert said.code == 78
    assert said.err.startswith("syncd: providers.contactout.token: {file:")
    assert len(said.err.strip().splitlines()) == 1


def test_an_unwritable_state(stage: Director) -> None:
    play = stage(contacts=1, changes={"state": {"url": "sqlite:////proc/syncd/state.db"}})
    said = play.command("once")
    assert said.code == 78
    assert "not writable" in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_a_second_instance(stage: Director) -> None:
    play = stage(contacts=5)
    with play.runtime():
        said = play.command("once")
        assert said.code == 7
        assert f"process {os.getpid()}" in said.err
        assert play.command("status").code == 0
        assert play.command("plan").code == 0
    assert_idle(play)


def test_a_damaged_state(stage: Director) -> None:
    play = stage(contacts=1)
    Path(play.rehearsal.folder / "state.db").write_bytes(b"this is no database" * 500)
    said = play.command("once")
    assert said.code == 8
    assert "is damaged" in said.err


def test_commands_without_a_state_say_what_makes_one(stage: Director) -> None:
    play = stage(contacts=1)
    for verb in ("status", "budget", "dead", "audit"):
        said = play.command(verb)
        assert said.code == 78
        assert "there is no state yet" in said.err


def test_a_suppression_list_that_is_gone_stops_everything(stage: Director) -> None:
    play = stage(
        contacts=5,
        changes={"syncs": {"hubspot-sandbox-contacts": {"suppress": {"file": "/nonexistent/list"}}}},
    )
    said = play.command("once")
    assert said.code == 78
    assert "suppress.file" in said.err
    assert_idle(play)


def _clear(play: Stage, vendor: str) -> None:
    import urllib.request

    request = urllib.request.Request(f"{play.stand(vendor).url}/_sandbox/faults", method="DELETE")
    urllib.request.urlopen(request, timeout=10).close()


def test_a_state_that_can_grow_no_more_in_mid_run_ends_it_in_one_sentence_and_loses_nothing(
    stage: Director,
) -> None:
    play = stage(contacts=80)
    play.cycle(spend=False)
    most = (play.rehearsal.folder / "state.db").stat().st_size + 600_000

    def starve() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    said = subprocess.run(
        [sys.executable, "-m", "syncd", "once", "--config", str(play.config)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=starve,
    )
    assert said.returncode == 5
    sentence = said.stderr.splitlines()[-1]
    assert sentence.startswith("syncd: the state failed while it was in use")
    assert ".broken" not in said.stderr
    assert spent(play)
    play.assert_well(play.hurried())
