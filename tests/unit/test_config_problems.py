"""What an operator is told about a mistake: where, what, and what was probably meant."""

import pytest

from syncd.config import ConfigInvalid, Severity, summary
from tests.unit.config_stand_ins import GOOD, edited, install, problems, read, told


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch):
    install(monkeypatch)


def only(text):
    (problem,) = problems(text)
    return problem


def test_the_good_file_has_no_problem():
    assert problems(GOOD) == []


def test_a_typo_is_told_with_file_line_column_source_line_caret_and_suggestion():
    problem = only(edited(("budgets:\n", "budgits:\n")))
    assert problem.text() == (
        'config.yaml:20:5: error[key.unknown]: unknown key "budgits"\n'
        "   20 |     budgits:\n"
        "      |     ^\n"
        '      hint: did you mean "budgets"?'
    )
    assert problem.json() == {
        "severity": "error",
        "path": "config.yaml",
        "line": 20,
        "column": 5,
        "code": "key.unknown",
        "message": 'unknown key "budgits"',
        "hint": 'did you mean "budgets"?',
        "source_line": "    budgits:",
    }


@pytest.mark.parametrize(
    ("old", "new", "place", "code", "hint"),
    [
        ("providers:", "provider:", "16:1", "key.unknown", 'did you mean "providers"?'),
        ("type: hubspot", "type: hubspto", "8:11", "connector.unknown", 'did you mean "hubspot"?'),
        (
            "  rocketreach: {token",
            "  rocketraech: {token",
            "23:3",
            "connector.unknown",
            'did you mean "rocketreach"?',
        ),
        ("mode: live", "mode: liev", "2:7", "value.choice", 'did you mean "live"?'),
        ("account:", "acount:", "10:5", "key.unknown", 'did you mean "account"?'),
        ("per_day: 200", "per_dya: 200", "21:29", "key.unknown", 'did you mean "per_day"?'),
        ("level: info", "levle: info", "5:7", "key.unknown", 'did you mean "level"?'),
        ("write: fill", "wriet: fill", "38:33", "key.unknown", 'did you mean "write"?'),
        ("write: fill", "write: fil", "38:40", "value.choice", 'did you mean "fill"?'),
        ("work_email: ", "work_mail: ", "38:7", "key.unknown", 'did you mean "work_email"?'),
        ("{email: email, link", "{emial: email, link", "35:13", "key.unknown", 'did you mean "email"?'),
        ("present: true", "presnet: true", "31:27", "key.unknown", 'did you mean "present"?'),
        ("crm: main", "crm: mian", "26:10", "crm.unknown", 'did you mean "main"?'),
        (
            "[contactout, rocketreach]",
            "[contactuot, rocketreach]",
            "36:17",
            "provider.unknown",
            'did you mean "contactout"?',
        ),
        ("phone:  {per", "phon:  {per", "22:7", "credit.unknown", 'did you mean "phone"?'),
        ("search: 30/min", "serach: 30/min", "19:32", "limit.unknown", 'did you mean "search"?'),
        ("every: 5m", "evry: 5m", "28:5", "key.unknown", 'did you mean "every"?'),
    ],
)
def test_every_kind_of_typo_has_its_place_and_a_suggestion(old, new, place, code, hint):
    found = {(f"{p.line}:{p.column}", p.code): p.hint for p in problems(edited((old, new)))}
    assert found[(place, code)] == hint


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    [
        ("version: 1", "version: 2", "1:10", "value.version"),
        ("version: 1", "version: true", "1:10", "value.version"),
        ("version: 1\n", "", "1:1", "key.missing"),
        ('account: "4242424"', "account: 4242424", "10:14", "value.type"),
        ("daily_calls_share: 0.5", "daily_calls_share: 2", "11:24", "value.range"),
        ('    account: "4242424"\n', "", "7:3", "key.missing"),
        ("    type: hubspot\n", "", "7:3", "key.missing"),
        ("every: 5m", "every: 5", "28:12", "value.duration"),
        ("every: 5m", "every: 9s", "28:12", "value.duration"),
        ("every: 5m", "every: 5m\n    cron: 0 0 * * *", "25:3", "value.schedule"),
        ("    every: 5m\n", "", "25:3", "value.schedule"),
        ("every: 5m", "cron: 99 0 * * *", "28:11", "value.cron"),
        ("every: 5m", "cron: 0 0 * * *\n    timezone: Europe/Berlni", "29:15", "value.timezone"),
        ("every: 5m", "every: 5m\n    since: 2026-01-01", "29:12", "value.since"),
        ("600/min", "600", "19:23", "value.rate"),
        ("per_run: 50", "per_run: -1", "21:25", "value.range"),
        ("per_run: 50", "per_run: .inf", "21:25", "value.type"),
        ("per_run: 50", "per_run: '50'", "21:25", "value.number"),
        ("{per_month: 300}", "{floor: 300}", "22:15", "value.budget"),
        ("accept: verified", "accept: invalid", "38:54", "value.accept"),
        ("in: [lead, marketingqualifiedlead]", "in: lead", "30:40", "value.type"),
        ("in: [lead, marketingqualifiedlead]", "in: []", "30:40", "value.empty"),
        ("present: true", "present: yes", "31:36", "value.type"),
        ("present: true", "present: true, absent: true", "31:9", "value.condition"),
        ("{property: email, present: true}", "{property: email}", "31:9", "value.condition"),
        ("waterfall: [contactout, rocketreach]", "waterfall: contactout", "36:16", "value.waterfall"),
        ("listen: 127.0.0.1:8642", "listen: 8642", "4:16", "value.listen"),
        ("sqlite:///var/lib/syncd/syncd.db", "mysql://x/y", "3:14", "value.database"),
        ("changed_share: 0.3", "changed_share: 30", "42:29", "value.range"),
        ("same_value: 5", "same_value: five", "42:46", "value.type"),
        ("  new-leads:", "  new leads:", "25:3", "name.invalid"),
        ("https://example.my.salesforce.com", "http://example.my.salesforce.com", "14:15", "value.url"),
        ("suppress: {file: /etc/syncd/suppress.txt}", "suppress: /etc/x", "34:15", "value.type"),
    ],
)
def test_a_wrong_value_is_told_with_its_place(old, new, place, code):
    assert (place, code) in told(edited((old, new)))


def test_a_number_where_text_is_wanted_says_to_quote_it():
    assert only(edited(('account: "4242424"', "account: 0042"))).hint == "put it in quotes"


def test_words_of_yaml_1_1_are_told_apart_from_booleans():
    problem = only(edited(("present: true", "present: yes")))
    assert problem.message == "must be true or false"
    assert "YAML 1.2" in problem.hint


def test_alternatives_of_a_type_are_told_in_one_sentence_at_the_key_of_the_file():
    bad = edited(("    limits: {default", "    billing: sometimes\n    limits: {default"))
    problem = only(bad)
    assert (problem.line, problem.column) == (19, 14)
    assert problem.message.startswith("must be a mapping of keys or auto, prepaid or postpaid")
    assert "dict" not in problem.text()


def test_a_mistake_inside_one_alternative_points_into_it():
    problem = only(edited(("    limits: {default", "    billing: {email: sometimes}\n    limits: {default")))
    assert (problem.line, problem.column) == (19, 22)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file():
    bad = edited(
        ("mode: live", "mode: liev"),
        ("type: hubspot", "type: hubspto"),
        ("600/min", "fast"),
        ("budgets:\n", "budgits:\n"),
        ("crm: main", "crm: mian"),
        ("write: fill", "wriet: fill"),
        ("to: jobtitle", "to: company"),
        ("canary: 25", "canary: -1"),
    )
    assert told(bad) == [
        ("2:7", "value.choice"),
        ("8:11", "connector.unknown"),
        ("19:23", "value.rate"),
        ("20:5", "key.unknown"),
        ("26:10", "crm.unknown"),
        ("38:33", "key.unknown"),
        ("42:57", "value.range"),
    ]


def test_duplicate_keys_are_told_together_with_other_mistakes():
    assert told(edited(("mode: live", "mode: liev\nmode: plan"))) == [
        ("2:7", "value.choice"),
        ("3:1", "yaml.duplicate"),
    ]


def test_unknown_keys_alone_hide_no_mistake_of_the_same_sync():
    bad = edited(("write: fill", "wriet: fill"), ("to: jobtitle", "to: company"))
    assert [code for _, code in told(bad)] == ["key.unknown", "field.target"]


def test_thousands_of_mistakes_are_cut_at_a_hundred():
    bad = GOOD + "".join(f"x{n}: 1\n" for n in range(5000))
    assert len(problems(bad)) == 100


def test_the_summary_counts_errors_and_warnings():
    bad = problems(edited(("crm: main", "crm: mian"), ("listen: 127.0.0.1", "listen: 0.0.0.0")))
    assert summary(bad) == "1 error, 1 warning"
    assert [p.severity for p in bad] == [Severity.WARNING, Severity.ERROR]
    assert summary([]) == "no problems"


def test_the_exception_tells_errors_only_and_its_exit_code():
    with pytest.raises(ConfigInvalid) as caught:
        read(edited(("crm: main", "crm: mian"), ("listen: 127.0.0.1", "listen: 0.0.0.0")))
    assert str(caught.value) == 'config.yaml:26:10: there is no crm "mian" in this file'
    assert caught.value.exit_code == 78
