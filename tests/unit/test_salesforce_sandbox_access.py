"""Salesforce's sandbox, rows 16, 17, 18 and 20 of what it must reproduce: limits, tokens, languages, knobs."""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.salesforce_org import FIRST, SECOND, code, statuses

JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture(scope="module")
def key():
    return generate_private_key(65537, 2048)


def pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def packed(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def assertion(key, org, **changes):
    claims = {
        "iss": "sandbox-client",
        "sub": "integration@sandbox.example",
        "aud": "https://login.salesforce.com",
        "exp": str(int(org.server.clock.time()) + 180),
        **changes,
    }
    signed = packed(b'{"alg":"RS256"}') + b"." + packed(json.dumps(claims).encode())
    return (signed + b"." + packed(key.sign(signed, PKCS1v15(), SHA256()))).decode()


def usage(answer):
    return answer.headers["Sforce-Limit-Info"]


def test_row_16_every_answer_says_how_much_was_used(salesforce_org):
    org = salesforce_org()
    assert usage(org.ask("GET", "limits")) == "api-usage=1/100000"
    assert (
        usage(org.update({"Id": FIRST, "Title": "x"}, {"Id": SECOND, "Title": "x"})) == "api-usage=2/100000"
    )
    assert usage(org.query("SELECT Nope FROM Contact")) == "api-usage=3/100000"
    parts = [
        {"method": "GET", "url": f"/services/data/v67.0/sobjects/Contact/{FIRST}", "referenceId": f"r{n}"}
        for n in range(5)
    ]
    assert usage(org.ask("POST", "composite", {"compositeRequest": parts})) == "api-usage=4/100000"
    batch = [{"method": "GET", "url": f"v67.0/sobjects/Contact/{FIRST}"}] * 5
    assert usage(org.ask("POST", "composite/batch", {"batchRequests": batch})) == "api-usage=9/100000"


def test_row_16_the_day_ends_and_rolls_on(salesforce_org):
    org = salesforce_org(limits="documented", daily=3)
    for _ in range(3):
        assert org.ask("GET", "sobjects").status_code == 200
    refused = org.ask("GET", "sobjects")
    assert (refused.status_code, code(refused)) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert refused.json()[0]["message"].startswith("TotalRequests")
    assert "retry-after" not in refused.headers
    assert org.ask("GET", "limits").json()["DailyApiRequests"] == {"Max": 3, "Remaining": 0}
    org.advance(86_460)
    org.token = org.login()
    assert org.ask("GET", "sobjects").status_code == 200


def test_row_16_others_use_the_day_too_and_concurrency_has_the_same_code(salesforce_org):
    org = salesforce_org(limits="documented", daily_used=99_990)
    assert usage(org.ask("GET", "sobjects")) == "api-usage=99991/100000"
    org.settle(long_calls=25)
    refused = org.ask("GET", "sobjects")
    assert (refused.status_code, code(refused)) == (403, "REQUEST_LIMIT_EXCEEDED")
    assert refused.json()[0]["message"].startswith("ConcurrentRequests")
    org.settle(long_calls=24)
    assert org.ask("GET", "limits").json()["DailyApiRequests"]["Remaining"] > 0


def test_row_16_a_user_without_view_setup_has_no_limits_resource(salesforce_org):
    org = salesforce_org()
    answer = org.ask("GET", "limits", token=org.login("sandbox-minimum"))
    assert answer.status_code == 403
    assert "Sforce-Limit-Info" in answer.headers


def test_row_16_records_are_counted(salesforce_org):
    answer = salesforce_org(9).ask("GET", "limits/recordCount", params={"sObjects": "Contact,Lead"})
    assert answer.json() == {"sObjects": [{"count": 9, "name": "Contact"}, {"count": 0, "name": "Lead"}]}


def test_row_17_client_credentials_come_by_form_or_basic(salesforce_org):
    org = salesforce_org()
    told = org.sign_in(
        grant_type="client_credentials", client_id="sandbox-client", client_secret="sandbox-secret"
    ).json()
    assert told["id"].endswith(
        f"/id/{org.server.settings['org']}/{org.server.settings['users']['integration']['id']}"
    )
    assert "expires_in" not in told and told["token_type"] == "Bearer"
    basic = {"authorization": "Basic " + base64.b64encode(b"sandbox-client:sandbox-secret").decode()}
    answer = org.ask(
        "POST", "/services/oauth2/token", data=None, content="grant_type=client_credentials", headers=basic
    )
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (
            {"grant_type": "client_credentials", "client_id": "sandbox-client", "client_secret": "no"},
            "invalid_client",
        ),
        ({"grant_type": "client_credentials", "client_id": "no", "client_secret": "no"}, "invalid_client_id"),
        ({"grant_type": "password", "username": "x", "password": "y"}, "invalid_grant"),
        ({"grant_type": "soap"}, "unsupported_grant_type"),
    ],
)
def test_row_17_token_errors_are_objects_perhaps_without_a_description(salesforce_org, form, error):
    org = salesforce_org()
    answer = org.sign_in(**form)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer.json()["error_description"]
    org.settle(bare_token_errors=True)
    assert org.sign_in(**form).json() == {"error": error}


def test_row_17_an_app_without_a_user_gives_no_token(salesforce_org):
    org = salesforce_org()
    org.settle(apps={"sandbox-client": {"run_as": None}})
    told = org.sign_in(
        grant_type="client_credentials", client_id="sandbox-client", client_secret="sandbox-secret"
    )
    assert told.json() == {
        "error": "invalid_grant",
        "error_description": "no client credentials user enabled",
    }


def test_row_17_a_signed_assertion_gives_a_token(salesforce_org, key):
    org = salesforce_org(apps={"sandbox-client": {"public_key": pem(key)}})
    told = org.sign_in(grant_type=JWT, assertion=assertion(key, org))
    assert told.status_code == 200
    assert org.ask("GET", "limits", token=told.json()["access_token"]).status_code == 200


@pytest.mark.parametrize(
    ("changes", "description"),
    [
        ({"sub": "nobody@sandbox.example"}, "user hasn't approved this consumer"),
        ({"exp": "1"}, "expired authorization code"),
        ({"exp": "99999999999"}, "expired authorization code"),
        ({"aud": "https://elsewhere.example"}, "audience is invalid"),
        ({"iss": "nobody"}, "client identifier invalid"),
    ],
)
def test_row_17_an_assertion_for_somebody_or_something_else_is_refused(
    salesforce_org, key, changes, description
):
    org = salesforce_org(apps={"sandbox-client": {"public_key": pem(key)}})
    answer = org.sign_in(grant_type=JWT, assertion=assertion(key, org, **changes))
    assert (answer.status_code, answer.json()["error_description"]) == (400, description)


def test_row_17_an_assertion_signed_by_another_key_or_for_an_app_without_one_is_refused(salesforce_org, key):
    org = salesforce_org()
    assert org.sign_in(grant_type=JWT, assertion=assertion(key, org)).json()["error"] == "invalid_grant"
    org.settle(apps={"sandbox-client": {"public_key": pem(generate_private_key(65537, 2048))}})
    told = org.sign_in(grant_type=JWT, assertion=assertion(key, org)).json()
    assert told == {"error": "invalid_grant", "error_description": "invalid assertion"}
    assert org.sign_in(grant_type=JWT, assertion="a.b").json()["error"] == "invalid_grant"


def test_row_17_a_token_ends_when_it_is_idle_and_use_keeps_it_alive(salesforce_org):
    org = salesforce_org(session_s=600)
    for _ in range(3):
        org.advance(500)
        assert org.ask("GET", "limits").status_code == 200
    org.advance(601)
    expired = org.ask("GET", "limits")
    assert (expired.status_code, code(expired)) == (401, "INVALID_SESSION_ID")
    assert "Sforce-Limit-Info" not in expired.headers


def test_row_17_tokens_end_by_revocation_by_an_administrator_and_by_a_new_login(salesforce_org):
    org = salesforce_org()
    form = {"content-type": "application/x-www-form-urlencoded"}
    revoked = org.ask(
        "POST", "/services/oauth2/revoke", content=urlencode({"token": org.token}), headers=form
    )
    assert (revoked.status_code, org.ask("GET", "limits").status_code) == (200, 401)
    org.token = org.login()
    assert org.edit(action="expire_sessions")["count"] == 1
    assert org.ask("GET", "limits").status_code == 401
    org.settle(login_ends_others=True)
    former, org.token = org.login(), org.login()
    assert org.ask("GET", "limits", token=former).status_code == 401
    assert org.ask("GET", "limits").status_code == 200


def test_row_17_logins_are_limited_and_a_new_one_may_be_at_another_host(salesforce_org):
    org = salesforce_org(instance_moves=True)
    form = {
        "grant_type": "client_credentials",
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
    }
    hosts = [org.sign_in(**form).json()["instance_url"] for _ in range(2)]
    assert set(hosts) == {"http://127.0.0.1", "http://localhost"}
    org.settle(logins_per_hour=2)
    assert [org.sign_in(**form).status_code for _ in range(3)] == [200, 200, 400]
    org.advance(3601)
    assert org.sign_in(**form).status_code == 200


def test_row_17_userinfo_says_who_and_of_which_org(salesforce_org):
    org = salesforce_org()
    told = org.ask("GET", "/services/oauth2/userinfo").json()
    assert told["organization_id"] == org.server.settings["org"]
    assert told["user_id"] == org.server.settings["users"]["integration"]["id"]
    assert org.ask("POST", "/services/oauth2/userinfo").json() == told
    assert org.ask("GET", "/services/oauth2/userinfo", token="no").status_code == 403


def test_row_18_messages_are_in_the_users_language_and_codes_are_not(salesforce_org):
    org = salesforce_org(users={"minimum": {"rows": 1.0}})
    spanish = org.login("sandbox-minimum")
    long = {"Id": FIRST, "LastName": "x" * 81}
    english, told = (org.update(long, token=t).json()[0]["errors"][0] for t in (org.token, spanish))
    assert english["statusCode"] == told["statusCode"] == "STRING_TOO_LONG"
    assert english["message"] != told["message"]
    assert told["message"].endswith("(max length=80)")
    assert statuses(org.update({"Id": FIRST, "Email": "x"}, token=spanish)) == ["INVALID_EMAIL_ADDRESS"]


def test_row_20_knobs_and_edits_that_make_no_sense_are_refused(salesforce_org):
    org = salesforce_org()
    for knob in (
        {"people_as": "leads"},
        {"same_value": "maybe"},
        {"users": {"x": {}}},
        {"apps": {"x": {"run_as": "y"}}},
    ):
        assert org.ask("POST", "/_sandbox/settings", knob).status_code == 400
    for edit in (
        {"id": "nobody"},
        {"id": FIRST, "properties": {"Nope": "x"}},
        {"action": "commit", "transaction": "x"},
    ):
        assert org.ask("POST", "/_sandbox/edit", edit).status_code == 400
    assert org.ask("GET", "/_sandbox/settings").json()["people_as"] == "contacts"
