"""HubSpot's own typed client, shipped and unmodified, agrees with the sandbox.

With its validation on it refuses answers that lack a required member or hold a wrong type. Answers with
errors beside results (207) are read without validation: it asks for a member that the real ones lack.
"""

from __future__ import annotations

from datetime import UTC, datetime

import hubspot
import pytest
from hubspot.crm import contacts, properties
from hubspot.crm.contacts.exceptions import ApiException, NotFoundException, UnauthorizedException

from tests.sandboxes import start_sandbox

FIRST = "1000001"
CONTACTS = 230


@pytest.fixture(scope="module")
def sandbox():
    with start_sandbox("hubspot", contacts=CONTACTS, settings={"limits": "off"}) as running:
        yield running


@pytest.fixture(scope="module")
def workbench():
    """A server of its own for what makes, merges and deletes."""
    with start_sandbox("hubspot", contacts=12, settings={"limits": "off"}) as running:
        yield running


def connected(sandbox, validating, token="sandbox-hubspot-key"):
    return hubspot.HubSpot(access_token=token, host=sandbox.url, client_side_validation=validating, retry=0)


@pytest.fixture
def client(sandbox):
    return connected(sandbox, validating=True)


@pytest.fixture
def lenient(sandbox):
    return connected(sandbox, validating=False)


@pytest.fixture
def maker(workbench):
    return connected(workbench, validating=True)


def values(**given):
    return contacts.SimplePublicObjectInput(properties=given)


def test_a_search_pages_through_everybody_with_a_true_total(client):
    api, seen, after = client.crm.contacts.search_api, [], None
    while True:
        request = contacts.PublicObjectSearchRequest(
            filter_groups=[
                {
                    "filters": [
                        {"propertyName": "createdate", "operator": "GTE", "value": "2025-01-01T00:00:00Z"}
                    ]
                }
            ],
            sorts=["hs_object_id"],
            properties=["email", "lifecyclestage"],
            limit=100,
            after=after,
        )
        page = api.do_search(request)
        assert page.total == CONTACTS
        seen += page.results
        if page.paging is None:
            break
        after = page.paging.next.after
    assert [r.id for r in seen] == [str(1_000_001 + n) for n in range(CONTACTS)]
    assert all(isinstance(r.updated_at, datetime) and r.updated_at.tzinfo for r in seen)


def test_an_empty_search_is_legal(client):
    assert len(client.crm.contacts.search_api.do_search(contacts.PublicObjectSearchRequest()).results) == 10


def test_one_contact_is_read_with_its_history(client, sandbox):
    sandbox.edit(id=FIRST, properties={"jobtitle": "Lead Tester"}, user=7)
    found = client.crm.contacts.basic_api.get_by_id(
        FIRST, properties=["jobtitle"], properties_with_history=["jobtitle"]
    )
    head = found.properties_with_history["jobtitle"][0]
    assert (head.value, head.source_type, head.updated_by_user_id) == ("Lead Tester", "CRM_UI", 7)
    assert head.timestamp <= datetime.now(UTC)
    assert found.archived is False


def test_the_list_leads_through_everybody(client):
    assert len(client.crm.contacts.get_all(properties=["email"])) == CONTACTS


def test_a_batch_is_read_with_history(client):
    request = contacts.BatchReadInputSimplePublicObjectId(
        inputs=[{"id": str(1_000_001 + n)} for n in range(50)],
        properties=["email"],
        properties_with_history=["email", "company"],
    )
    answer = client.crm.contacts.batch_api.read(request)
    assert (answer.status, len(answer.results)) == ("COMPLETE", 50)
    assert all("email" in r.properties_with_history for r in answer.results)
    assert answer.started_at <= answer.completed_at


def test_a_batch_is_written_and_reads_back(client):
    request = contacts.BatchInputSimplePublicObjectBatchInput(
        inputs=[{"id": str(1_000_001 + n), "properties": {"zip": str(n)}} for n in range(100)]
    )
    answer = client.crm.contacts.batch_api.update(request)
    assert len(answer.results) == 100
    read = client.crm.contacts.basic_api.get_by_id("1000100", properties=["zip"])
    assert read.properties["zip"] == "99"


def test_a_batch_with_an_unknown_id_is_a_207_with_typed_errors(lenient):
    request = contacts.BatchInputSimplePublicObjectBatchInput(
        inputs=[{"id": FIRST, "properties": {"fax": "1"}}, {"id": "7", "properties": {"fax": "1"}}]
    )
    answer, status, _ = lenient.crm.contacts.batch_api.update_with_http_info(request)
    assert (status, [r.id for r in answer.results], answer.num_errors) == (207, [FIRST], 1)
    assert (answer.errors[0].category, answer.errors[0].context) == ("OBJECT_NOT_FOUND", {"ids": ["7"]})


def test_the_validating_client_cannot_read_a_207_as_the_reference_says(client):
    request = contacts.BatchReadInputSimplePublicObjectId(
        inputs=[{"id": "7"}], properties=[], properties_with_history=[]
    )
    with pytest.raises(ValueError, match="must not be `None`"):
        client.crm.contacts.batch_api.read(request)


def test_a_contact_is_made_changed_archived_and_deleted(maker):
    api = maker.crm.contacts.basic_api
    made = api.create(
        contacts.SimplePublicObjectInputForCreate(
            properties={"email": "Typed@client.example"}, associations=[]
        )
    )
    assert made.properties["email"] == "typed@client.example"
    assert made.created_at == made.updated_at
    changed = api.update(made.id, values(lastname="Typed"))
    assert changed.properties["lastname"] == "Typed"
    by_email = api.get_by_id("typed@client.example", id_property="email")
    assert by_email.id == made.id
    api.archive(made.id)
    archived = api.get_by_id(made.id, archived=True)
    assert (archived.archived, archived.archived_at is not None) == (True, True)
    with pytest.raises(NotFoundException):
        api.get_by_id(made.id)


def test_a_batch_is_made_and_upserted(maker):
    inputs = [{"properties": {"email": f"batch{n}@client.example"}, "associations": []} for n in range(3)]
    made, status, _ = maker.crm.contacts.batch_api.create_with_http_info(
        contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
    )
    assert (status, len(made.results)) == (201, 3)
    upserts = [
        {"id": f"batch{n}@client.example", "idProperty": "email", "properties": {"zip": "9"}} for n in (2, 3)
    ]
    done = maker.crm.contacts.batch_api.upsert(
        contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=upserts)
    )
    assert sorted(r.new for r in done.results) == [False, True]


def test_property_definitions_are_listed_made_and_read(maker):
    api = maker.crm.properties.core_api
    listed = api.get_all("contacts")
    email = next(p for p in listed.results if p.name == "email")
    assert (email.type, email.field_type, email.modification_metadata.read_only_value) == (
        "string",
        "text",
        False,
    )
    made = api.create(
        "contacts",
        properties.PropertyCreate(
            name="typed_made", label="Made", group_name="enrichment", type="enumeration", field_type="select",
            options=[{"label": "A", "value": "a", "hidden": False, "displayOrder": 0}],
        ),
    )  # fmt: skip
    assert made.options[0].value == "a"
    assert api.get_by_name("contacts", "typed_made").label == "Made"
    assert "enrichment" in {g.name for g in maker.crm.properties.groups_api.get_all("contacts").results}


def test_a_taken_property_name_in_a_batch_is_a_207_with_the_others_made(workbench):
    own = {"label": "L", "groupName": "enrichment", "type": "string", "fieldType": "text"}
    request = properties.BatchInputPropertyCreate(
        inputs=[{**own, "name": "email"}, {**own, "name": "typed_batch"}]
    )
    lenient = connected(workbench, validating=False)
    answer, status, _ = lenient.crm.properties.batch_api.create_with_http_info("contacts", request)
    assert (status, [p.name for p in answer.results], answer.num_errors) == (207, ["typed_batch"], 1)


def test_a_merge_and_a_privacy_deletion_are_carried_out(maker):
    merged = maker.crm.contacts.basic_api.merge(
        contacts.PublicMergeInput(primary_object_id="1000010", object_id_to_merge="1000011")
    )
    assert merged.id == "1000010"
    assert maker.crm.contacts.basic_api.get_by_id("1000011").id == "1000010"
    maker.crm.contacts.basic_api.purge(contacts.PublicGdprDeleteInput(object_id="1000012"))
    with pytest.raises(NotFoundException):
        maker.crm.contacts.basic_api.get_by_id("1000012")


def test_refusals_become_the_client_s_typed_errors(client, sandbox):
    with pytest.raises(UnauthorizedException):
        connected(sandbox, True, token="unknown").crm.contacts.basic_api.get_by_id(FIRST)
    with pytest.raises(ApiException) as refused:
        client.crm.contacts.basic_api.update(FIRST, values(no_such="1"))
    assert refused.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in refused.value.body


def test_a_refresh_token_is_exchanged_by_the_client(client):
    issued = client.oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id="sandbox-client",
        client_secret="sandbox-secret",
        refresh_token="sandbox-refresh",
    )
    assert (issued.token_type, issued.expires_in) == ("bearer", 1800)
    assert client.oauth.access_tokens_api.get(issued.access_token).hub_id == 4242424


def test_account_details_are_reached_through_the_client_s_plain_request(client, sandbox):
    plain = hubspot.HubSpot(access_token="sandbox-hubspot-key", base_url=sandbox.url)
    answer = plain.api_request({"path": "/account-info/v3/details"})
    assert answer.json()["portalId"] == 4242424
    answer.close()
