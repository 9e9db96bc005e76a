"""The command line: what every verb shares, and init, check, config, version."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

import syncd
from syncd.cli import main
from syncd.cli.exits import MEANINGS, Exit
from syncd.cli.verbs import VERBS, Verb
from tests.unit.config_stand_ins import GOOD, edited, install

ROOT = Path(__file__).parents[2]
SECRET = "hunter2-Zx81qLm4Pw07"


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch, tmp_path):
    install(monkeypatch)
    for name in ("SYNCD_CONFIG", "SYNCD_DEBUG", "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HUBSPOT_TOKEN", "SF_CLIENT_ID", "CONTACTOUT_TOKEN", "ROCKETREACH_KEY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capfd):
    """Runs a command; gives exit code, stdout, stderr."""

    def call(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        assert SECRET not in out + err
        return code, out, err

    return call


def write(text, name="config.yaml"):
    Path(name).write_text(text)
    return Path(name)


def python(*arguments, **environment):
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=env, check=False)


def test_the_help_lists_every_verb_and_every_exit_code(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    for name, verb in VERBS.items():
        assert f"  {name} " in out
        assert verb.help in " ".join(out.split())
    for exit_code, meaning in MEANINGS.items():
        assert f"{int(exit_code)} " in out
        assert meaning in out


def test_exit_codes_are_the_promised_ones():
    assert {code.name: int(code) for code in Exit} == {
        "DONE": 0,
        "UNEXPECTED": 1,
        "USAGE": 2,
        "PARTIAL": 3,
        "STOPPED": 4,
        "UPSTREAM": 5,
        "PERSON": 6,
        "LOCKED": 7,
        "INTEGRITY": 8,
        "CONFIG": 78,
        "INTERRUPTED": 130,
    }
    assert set(MEANINGS) == set(Exit)


@pytest.mark.parametrize("name", list(VERBS))
def test_each_verb_has_a_help_and_takes_the_common_options(run, name):
    code, out, _ = run(name, "--help")
    assert code == 0
    assert "--config PATH" in out
    assert "--json" in out
    assert "--no-color" in out


@pytest.mark.parametrize("arguments", [["--help"], ["version"], ["chekc"]])
def test_nothing_heavy_is_imported_for_it(arguments):
    done = python("-X", "importtime", "-m", "syncd", *arguments)
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "click" in imported
    assert not imported & {
        "pydantic",
        "pydantic_core",
        "sqlalchemy",
        "ruamel",
        "httpx",
        "structlog",
        "connectors",
    }


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("chekc", '"check"'),
        ("inti", '"init"'),
        ("confg", '"config"'),
        ("Version", '"version"'),
        ("xyzzy", "--help"),
    ],
)
def test_an_unknown_verb_is_wrong_usage_with_a_suggestion(run, word, suggestion):
    code, out, err = run(word)
    assert (code, out) == (2, "")
    assert suggestion in err


@pytest.mark.parametrize(
    "arguments", [["--nope"], ["check", "--nope"], ["version", "extra"], ["config", "shwo"]]
)
def test_wrong_usage_is_exit_code_2_on_stderr(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_the_version_is_one_line_or_one_document(run):
    assert run("version") == (0, f"syncd {syncd.__version__}\n", "")
    assert run("--version")[1] == f"syncd {syncd.__version__}\n"
    document = json.loads(run("version", "--json")[1])
    assert (document["schema_version"], document["version"]) == (1, syncd.__version__)


def test_common_options_are_taken_before_and_after_the_verb(run):
    file = write(GOOD, "elsewhere.yaml")
    before, after = run("--config", file, "--json", "check"), run("check", "--config", file, "--json")
    assert before == after
    assert before[0] == 0
    assert json.loads(before[1])["path"] == "elsewhere.yaml"


def test_the_option_after_the_verb_wins(run):
    write(GOOD, "a.yaml")
    write(GOOD, "b.yaml")
    assert (
        json.loads(run("--config", "a.yaml", "check", "--config", "b.yaml", "--json")[1])["path"] == "b.yaml"
    )


def verb(monkeypatch, action):
    """A verb `boom` that does something."""
    from syncd.cli.invocation import common

    module = ModuleType("boom_module")
    module.command = click.command("boom")(common(action))
    monkeypatch.setitem(sys.modules, "boom_module", module)
    monkeypatch.setitem(VERBS, "boom", Verb("boom_module", "Boom."))


def test_a_line_in_the_table_is_all_that_a_verb_needs(monkeypatch, run):
    verb(monkeypatch, lambda: click.echo("done"))
    assert run("boom") == (0, "done\n", "")
    assert "Boom." in run("--help")[1]


@pytest.mark.parametrize("code", list(Exit))
def test_a_verb_ends_with_the_code_that_it_stops_with(monkeypatch, run, code):
    from syncd.cli.invocation import Stop

    def action():
        raise Stop("the sentence", code)

    verb(monkeypatch, action)
    assert run("boom") == (int(code), "", "syncd: the sentence\n")


def test_an_unexpected_failure_is_one_sentence_without_its_text_or_locals(monkeypatch, run):
    def action():
        local = SECRET
        raise ValueError(local)

    verb(monkeypatch, action)
    code, out, err = run("boom")
    assert (code, out) == (1, "")
    assert err.startswith("syncd: unexpected ValueError at test_cli_basics.py:")
    assert err.count("\n") == 1


def test_the_traceback_is_shown_for_debugging_only(monkeypatch):
    def action():
        raise ValueError("text")

    verb(monkeypatch, action)
    monkeypatch.setenv("SYNCD_DEBUG", "1")
    with pytest.raises(ValueError, match="text"):
        main(["boom"])


def test_ctrl_c_is_exit_code_130(monkeypatch, run):
    def action():
        raise KeyboardInterrupt

    verb(monkeypatch, action)
    code, out, err = run("boom")
    assert (code, out) == (130, "")
    assert "interrupted" in err


def test_a_reader_that_leaves_early_is_no_failure():
    read_end, write_end = os.pipe()
    os.close(read_end)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "syncd", "--help"],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=env,
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def test_check_accepts_a_good_file(run):
    write(GOOD)
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert out == "config.yaml: no problems. 2 CRMs, 2 providers, 1 sync; mode live: credits are spent.\n"


def test_check_needs_no_credential_and_warns_of_references_that_lead_nowhere(monkeypatch, run):
    monkeypatch.delenv("HUBSPOT_TOKEN")
    write(GOOD)
    code, out, err = run("check")
    assert code == 0
    assert (
        "config.yaml:9:12: warning[secret.missing]: the environment variable HUBSPOT_TOKEN is not set" in err
    )
    assert "1 warning" in out


def test_check_tells_every_mistake_on_stderr_and_ends_with_78(run):
    write(edited(("budgets:\n", "budgits:\n"), ("crm: main", "crm: mian")))
    code, out, err = run("check")
    assert (code, out) == (78, "")
    assert "config.yaml:20:5: error[key.unknown]" in err
    assert "config.yaml:26:10: error[crm.unknown]" in err
    assert "\x1b" not in err
    assert err.endswith("syncd: the configuration is invalid: 2 errors\n")


def test_check_answers_with_one_document(run):
    write(edited(("budgets:\n", "budgits:\n")))
    code, out, err = run("check", "--json")
    document = json.loads(out)
    assert (code, err) == (78, "")
    assert (document["schema_version"], document["ok"], document["errors"], document["warnings"]) == (
        1,
        False,
        1,
        0,
    )
    assert set(document["problems"][0]) == {
        "severity", "path", "line", "column", "code", "message", "hint", "source_line",
    }  # fmt: skip
    assert document["problems"][0]["hint"] == 'did you mean "budgets"?'


@pytest.mark.parametrize("name", ["check", "config show"])
def test_a_missing_file_ends_with_78_and_says_what_to_do(run, name):
    code, out, err = run(*name.split(), "--config", "absent.yaml")
    assert (code, out) == (78, "")
    assert "absent.yaml: error[file.missing]" in err
    assert "syncd init" in err


@pytest.mark.parametrize(
    ("environment", "arguments", "coloured"),
    [
        ({}, [], False),
        ({"FORCE_COLOR": "1"}, [], True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, [], False),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, [], False),
        ({"FORCE_COLOR": "1"}, ["--no-color"], False),
    ],
)
def test_colours_are_used_on_a_terminal_or_on_demand_only(monkeypatch, run, environment, arguments, coloured):
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    write(edited(("crm: main", "crm: mian")))
    assert ("\x1b" in run("check", *arguments)[2]) is coloured
    assert ("\x1b" in run(*arguments, "check")[2]) is coloured


def test_a_literal_secret_is_told_and_never_printed(run):
    write(edited(("{env: HUBSPOT_TOKEN}", SECRET)))
    for arguments in (
        ["check"],
        ["check", "--json"],
        ["config", "show"],
        ["config", "show", "--origin", "--json"],
    ):
        code, out, err = run(*arguments)
        assert code == 78
        assert "secret.literal" in out + err


def test_config_show_prints_yaml_that_reads_back(run):
    write(GOOD)
    code, out, err = run("config", "show")
    assert (code, err) == (0, "")
    assert "env: HUBSPOT_TOKEN" in out
    again = write(out, "again.yaml")
    assert run("config", "show", "--config", again)[1] == out


def test_config_show_tells_where_each_value_comes_from(run):
    write(GOOD)
    out = run("config", "show", "--origin")[1]
    lines = {line.split(": ")[0]: line.split("  # ")[-1] for line in out.splitlines()}
    assert lines["mode"] == "config.yaml:2"
    assert lines["crms.main.token.env"] == "config.yaml:9"
    assert lines["providers.contactout.keep_found"] == "default"
    document = json.loads(run("config", "show", "--origin", "--json")[1])
    assert document["schema_version"] == 1
    assert document["config"]["mode"] == "live"
    assert document["origins"]["mode"] == "config.yaml:2"


def test_config_schema_prints_the_schema_without_a_configuration(run):
    code, out, err = run("config", "schema")
    assert (code, err) == (0, "")
    assert json.loads(out)["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize(
    ("arguments", "crms", "providers"),
    [
        ([], ["hubspot"], ["contactout"]),
        (["--crm", "salesforce", "--provider", "rocketreach"], ["salesforce"], ["rocketreach"]),
        (
            ["--provider", "rocketreach", "--provider", "contactout"],
            ["hubspot"],
            ["rocketreach", "contactout"],
        ),
    ],
)
def test_init_writes_a_private_file_that_check_accepts(run, arguments, crms, providers):
    code, out, err = run("init", *arguments)
    assert (code, out) == (0, "")
    assert "syncd check" in err
    assert stat.S_IMODE(os.stat("config.yaml").st_mode) == 0o600
    document = json.loads(run("check", "--json")[1])
    assert (document["ok"], document["mode"]) == (True, "plan")
    shown = json.loads(run("config", "show", "--json")[1])["config"]
    assert [crm["type"] for crm in shown["crms"].values()] == crms
    assert [provider["type"] for provider in shown["providers"].values()] == providers


def test_init_never_overwrites(run):
    write("mine")
    code, out, err = run("init")
    assert (code, out) == (2, "")
    assert "not overwritten" in err
    assert Path("config.yaml").read_text() == "mine"


def test_init_takes_a_path_and_answers_with_a_document(run):
    code, out, _ = run("init", "other.yaml", "--json")
    assert code == 0
    assert json.loads(out) == {
        "schema_version": 1,
        "path": "other.yaml",
        "crms": ["hubspot"],
        "providers": ["contactout"],
    }
    assert run("init", "absent/other.yaml")[0] == 2


def test_init_suggests_connectors(run):
    code, _, err = run("init", "--crm", "hubspto")
    assert code == 2
    assert 'did you mean "hubspot"?' in err
    assert not Path("config.yaml").exists()
