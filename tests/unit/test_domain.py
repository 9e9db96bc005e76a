"""Registered domains, and which of them may be an employer's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.domain import employer, registered
from tests.unit.judging_support import modest


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("northbeam.com", "northbeam.com"),
        (" WWW.Northbeam.com. ", "northbeam.com"),
        ("https://www.northbeam.com:8443/about?x=1#y", "northbeam.com"),
        ("http://user:pass@shop.northbeam.com/", "northbeam.com"),
        ("m.vance@mail.northbeam.co.uk", "northbeam.co.uk"),
        ("a.b.c.northbeam.com.au", "northbeam.com.au"),
        ("bücher-demo.de", "xn--bcher-demo-9db.de"),
        ("intern.northbeam.unknownsuffix", "intern.northbeam.unknownsuffix"),
    ],
)
def test_hosts_urls_and_addresses_give_the_registered_domain(text, expected):
    assert registered(text) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "northbeam", "-a.com", "a..com", "a b.com", "n/a", "unknown", "http://", "a_b.com", "@"]
)
def test_what_is_no_domain_gives_nothing(text):
    assert registered(text) == ""


@pytest.mark.parametrize("suffix", ["com", "co.uk", "com.au"])
def test_a_public_suffix_alone_is_nobodys_domain(suffix):
    assert registered(suffix) == ""
    assert registered(f"someone@{suffix}") == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://northbeam.com/@mirela",
        "https://northbeam.com/?mail=a@elsewhere.com",
        "https://northbeam.com?mail=a@elsewhere.com",
        "northbeam.com#team",
        "https://northbeam.com#a@elsewhere.com",
    ],
)
def test_only_the_host_of_an_address_counts(url):
    assert registered(url) == "northbeam.com"


@pytest.mark.parametrize(
    "text", ["mirela@gmail.com", "GMAIL.COM", "https://mail.yahoo.com", "x@googlemail.com"]
)
def test_a_mail_provider_is_no_employer(text):
    assert employer(text) == ""


def test_a_company_of_its_own_domain_is_an_employer():
    assert employer("m.vance@sales.northbeam.co.uk") == "northbeam.co.uk"


HOSTS = st.from_regex(r"\A[a-z0-9]{1,8}(\.[a-z0-9]{1,6}){0,2}\.(com|de|co\.uk|example)\Z")


@modest
@given(HOSTS, st.sampled_from(["{}", "www.{}", "https://{}/x?y=1", "a@{}", " {} ", "{}."]), st.booleans())
def test_the_registered_domain_is_its_own_and_the_same_in_every_dress(host, dress, upper):
    once = registered(host)
    dressed = dress.format(host.upper() if upper else host)
    assert registered(dressed) == once or host.startswith("www.")
    assert registered(once) == once
    assert host == once or host.endswith(f".{once}")


@modest
@given(st.text(max_size=40))
def test_no_text_breaks_it(text):
    found = registered(text)
    assert found == "" or (registered(found) == found and "." in found and " " not in found)
