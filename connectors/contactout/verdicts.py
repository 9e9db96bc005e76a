"""What the e-mail verifier says about an address."""

from __future__ import annotations

from types import MappingProxyType

from connectors.contactout.shapes import text
from syncd.model import EMAIL_FIELDS, Candidate, Charge, Found, Identity, Quality

_GRADES = MappingProxyType(
    {
        "valid": Quality.VERIFIED,
        "accept_all": Quality.RISKY,
        "invalid": Quality.INVALID,
        "disposable": Quality.RISKY,
        "unknown": Quality.UNKNOWN,
    }
)
_FREE = frozenset({"disposable", "unknown"})


def verdict(status: object, address: str) -> Found | None:
    """The grade of an address, for either of the fields that may hold it; None for an unknown word.

    The address goes with it: it may be another provider's, and the grade is not for ContactOut's own.
    """
    word = text(status).lower()
    if word not in _GRADES:
        return None
    graded = MappingProxyType(dict.fromkeys(sorted(EMAIL_FIELDS), _GRADES[word]))
    charge = Charge.none() if word in _FREE else Charge.of(verifier=1)
    return Found((Candidate(identity=Identity(emails=(address,)), graded=graded),), charge)
