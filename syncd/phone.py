"""Phone numbers: read as the contact's country writes them, compared and kept as E.164."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

from syncd.model import Field, fold

_LETTERS = re.compile(r"[^\W\d_]")
_EXTENSION = re.compile(r"(?:\s|;|,)*(?:ext\.?|extension|x|#|durchwahl|poste)\s*\d{1,7}\s*$", re.IGNORECASE)
_MOBILE = {PhoneNumberType.MOBILE}
_FIXED = {PhoneNumberType.FIXED_LINE, PhoneNumberType.VOIP, PhoneNumberType.UAN}


@lru_cache(2048)
def e164(text: str, region: str = "") -> str:
    """The number as +…, or "" where the text is not one valid number.

    A number without a country is read as one of `region`. Text that a spreadsheet turned into 4.41E+11
    has lost digits and is no number.
    """
    found = _parse(text.replace("\u00a0", " ").strip(), region)
    return phonenumbers.format_number(found, PhoneNumberFormat.E164) if found else ""


@lru_cache(2048)
def field_of(number: str) -> Field:
    """Whether an E.164 number is mobile or fixed by its range; PHONE where the range has both."""
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(number, None))
    except NumberParseException:
        return Field.PHONE
    if kind in _MOBILE:
        return Field.MOBILE_PHONE
    return Field.DIRECT_PHONE if kind in _FIXED else Field.PHONE


def same(one: str, other: str, region: str = "") -> bool:
    """Whether two texts are the same number, however they are written.

    A text that is none in `region` is read in the country of the other.
    """
    left, right = e164(one, region), e164(other, region)
    if left and not right:
        right = e164(other, _country(left))
    elif right and not left:
        left = e164(one, _country(right))
    return bool(left) and left == right


def _country(number: str) -> str:
    return phonenumbers.region_code_for_number(phonenumbers.parse(number, None)) or ""


def _parse(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    bare = _EXTENSION.sub("", text)
    if not bare or len(bare) > 40 or _LETTERS.search(bare):
        return None
    if bare.startswith("00"):
        bare = "+" + bare[2:]
    try:
        found = phonenumbers.parse(bare, region or None)
    except NumberParseException:
        return None
    return found if phonenumbers.is_valid_number(found) else None


def region_of(country: str) -> str:
    """The two-letter code of a country given by code or by name in a European language; "" if unknown."""
    text = country.replace("\u00a0", " ").strip()
    if not text:
        return ""
    if len(text) == 2 and text.upper() in phonenumbers.SUPPORTED_REGIONS:
        return text.upper()
    return _regions().get(fold(text).replace(".", ""), "")


@lru_cache(1)
def _regions() -> dict[str, str]:
    lines = files("syncd.data").joinpath("countries.txt").read_text("utf-8").splitlines()
    found: dict[str, str] = {}
    for line in lines:
        code, _, names = line.partition(" ")
        if code != "#":
            found.update((name, code) for name in names.split("|") if name not in found)
    return found
