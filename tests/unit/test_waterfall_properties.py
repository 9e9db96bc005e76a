"""Whole waterfalls over invented vendors: they end, stay within the purse, and never ask twice or in vain."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contactout.operations import OPERATIONS
from syncd.connector import On, Operation, Price
from syncd.model import EMAIL_FIELDS, Candidate, Field, Identity, Key, KeyKind, Level, Quality, Value, Verdict
from syncd.plan import Need
from syncd.purchase import Want, quote, serves, turning
from syncd.waterfall import Ask, Asked, Stop, Vendor, Wait, step
from tests.unit.judging_support import modest

FIELDS = (Field.WORK_EMAIL, Field.PHONE, Field.MOBILE_PHONE, Field.JOB_TITLE, Field.COMPANY_INDUSTRY)
URL = Key.linkedin("https://www.linkedin.com/in/mirela-vance")
NAME = {"full_name": "Mirela Vance", "first_name": "Mirela", "last_name": "Vance"}
OWN = (
    URL,
    Key.email("m.vance@northbeam.example"),
    Key(KeyKind.NAME_DOMAIN, NAME | {"domain": "northbeam.example"}),
    Key(KeyKind.NAME_COMPANY, NAME | {"company": "Northbeam"}),
    Key.single(KeyKind.DOMAIN, "northbeam.example"),
)
FOUND_MAIL = Key.email("m.vance@northbeam.example", KeyKind.FOUND_EMAIL)
MOST_STEPS = 60
CREDITS = ("email", "phone", "search", "verifier", "credit")


@st.composite
def vendors(draw):
    """ContactOut or a vendor with a small price list of its own, with a purse."""
    account = draw(st.sampled_from(["alpha", "beta"]))
    if draw(st.booleans()):
        operations = OPERATIONS
    else:
        operations = tuple(draw(operation(f"o{i}")) for i in range(draw(st.integers(1, 3))))
    purse = draw(st.dictionaries(st.sampled_from(CREDITS), st.sampled_from([0.0, 0.5, 1.0, 3.0, 40.0])))
    closed = draw(st.frozensets(st.sampled_from([o.name for o in operations]), max_size=2))
    return Vendor(account, operations, affordable=purse, closed=closed, checkers=draw(st.booleans()))


@st.composite
def operation(draw, name):
    """One way to ask an invented vendor."""
    qualities = st.sampled_from([Quality.UNKNOWN, Quality.LIKELY, Quality.VERIFIED])
    returns = draw(st.dictionaries(st.sampled_from(FIELDS), qualities, min_size=1, max_size=3))
    price = Price("credit", Decimal(draw(st.integers(1, 3))), draw(st.sampled_from([On.LAUNCH, On.MATCH])))
    kinds = st.sampled_from([k.kind for k in OWN])
    return Operation(
        name,
        accepts=draw(st.frozensets(kinds, min_size=1)),
        returns=returns,
        prices=(price,) if draw(st.booleans()) else (),
        identifies=draw(st.booleans()),
    )


@st.composite
def worlds(draw):
    """Needs, keys and vendors of one contact."""
    fields = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4, unique=True))
    accepts = st.sampled_from([None, None, Quality.LIKELY, Quality.VERIFIED])
    accounts = st.sampled_from([("alpha", "beta"), ("beta",), ("alpha",)])
    needs = [Need(f, draw(accepts), draw(accounts)) for f in fields]
    keys = [k for k in OWN if draw(st.booleans())]
    found = draw(st.lists(vendors(), min_size=1, max_size=2, unique_by=lambda v: v.account))
    return needs, keys, found, draw(st.booleans())


class Day:
    """One contact's way through the waterfall, with the answers drawn as they are needed."""

    def __init__(self, world, draw):
        self.needs, self.keys, self.vendors, self.least_cost = world
        self.draw = draw
        self.asked = []
        self.steps = []

    def run(self):
        """Ask until the waterfall stops, checking every step."""
        while True:
            got = step(self.needs, self.keys, self.asked, self.vendors, self.least_cost)
            assert got == step(
                list(self.needs), tuple(self.keys), list(self.asked), self.vendors, self.least_cost
            )
            if not isinstance(got, Ask):
                assert not isinstance(got, Wait), "nothing is under way"
                return got
            self.check(got)
            self.answer(got)
            assert len(self.steps) <= MOST_STEPS

    def check(self, ask):
        """The step is allowed, affordable, new, and of use."""
        vendor = next(v for v in self.vendors if v.account == ask.account)
        assert ask.operation in vendor.operations
        assert ask.operation.name not in vendor.closed
        assert not ask.operation.backfill_only
        assert ask.key in self.keys
        assert ask.key.kind in ask.operation.accepts
        assert all(
            vendor.affordable.get(k, 0.0) >= float(most) for k, most in ask.operation.max_charge.items()
        )
        assert (ask.account, ask.operation.name, ask.key) not in {s[:3] for s in self.steps}
        wanted = {n.field for n in self.needs if ask.account in n.accounts}
        assert wanted
        o = ask.operation
        leads_on = (
            Field.LINKEDIN_URL in o.returns
            or Field.COMPANY_DOMAIN in o.returns
            or EMAIL_FIELDS & set(o.returns)
        )
        assert wanted & {w for f in o.returns for w in serves(f)} or leads_on or o.gates or o.verifies
        if not o.free:
            settled = {
                f
                for account, _, key, fields in self.steps
                if (account, key) == (ask.account, ask.key)
                for f in fields
            }
            news = {w for f in o.returns for w in serves(f)} & wanted
            assert news - settled or leads_on or o.verifies

    def answer(self, ask):
        """Draw what comes back; book it and learn from it."""
        state = self.draw(
            st.sampled_from(["found", "found", "not_found", "unknown", "unresolved", "refused"])
        )
        values = {}
        if state == "found":
            some = self.draw(st.frozensets(st.sampled_from(sorted(ask.operation.returns) or [Field.TWITTER])))
            values = {f: q for f, q in ask.operation.returns.items() if f in some}
        trusted = self.draw(st.sampled_from([True, True, False]))
        told = {f: self.draw(st.booleans()) for f in ask.operation.gates} if state == "found" else {}
        candidate = Candidate(tuple(Value(f, "x", q) for f, q in values.items()), Identity(), available=told)
        verdict = Verdict(Level.STRONG if trusted else Level.POSSIBLE)
        judged = ((candidate, verdict),) if state == "found" else ()
        definite = (state == "found" and trusted) or state == "not_found"
        wanted = {n.field for n in self.needs}
        promised = {w for f in ask.operation.returns for w in serves(f)} & wanted if definite else set()
        settled = {
            n.field
            for n in self.needs
            if n.field in promised
            and any(n.field in serves(f) and n.takes(q) for f, q in ask.operation.returns.items())
        }
        self.steps.append((ask.account, ask.operation.name, ask.key, settled))
        self.asked.append(
            Asked(
                ask.account,
                ask.operation.name,
                ask.key,
                state,
                judged,
                len(self.steps),
                trusted or not judged,
            )
        )
        self.vendors = [self.pay(v, ask.operation) if v.account == ask.account else v for v in self.vendors]
        if trusted:
            self.needs = [
                n
                for n in self.needs
                if not any(n.field in serves(f) and n.takes(q) for f, q in values.items())
                or ask.account not in n.accounts
            ]
            known = {k.kind for k in self.keys}
            learned = [URL] if Field.LINKEDIN_URL in values else []
            learned += [FOUND_MAIL] if EMAIL_FIELDS & set(values) else []
            self.keys = self.keys + [k for k in learned if k.kind not in known]

    @staticmethod
    def pay(vendor, operation):
        """The purse after the worst case."""
        left = {k: v - float(operation.max_charge.get(k, 0)) for k, v in vendor.affordable.items()}
        return replace(vendor, affordable=left)


@settings(modest, max_examples=200)
@given(worlds(), st.data())
def test_a_waterfall_ends_within_the_purse_and_gives_a_reason_for_every_blank(world, data):
    day = Day(world, data.draw)
    end = day.run()
    assert isinstance(end, Stop)
    assert set(end.why) == {n.field for n in day.needs}
    assert all(end.why.values())
    assert {b.partition(".")[0] for b in end.blocked} | end.halted <= {v.account for v in day.vendors}
    for vendor in day.vendors:
        assert all(left >= 0 for left in vendor.affordable.values())


@settings(modest, max_examples=30)
@given(worlds())
def test_nothing_is_asked_for_a_field_that_has_its_value(world):
    needs, keys, found, least_cost = world
    assert step([], keys, [], found, least_cost) == Stop({})
    got = step(needs, keys, [], found, least_cost)
    if isinstance(got, Ask) and not got.operation.free:
        rest = [n for n in needs if got.account not in n.accounts]
        again = step(rest, keys, [], found, least_cost)
        assert not isinstance(again, Ask) or again.account != got.account


@settings(modest, max_examples=30)
@given(worlds())
def test_without_keys_or_money_nothing_that_costs_is_asked(world):
    needs, keys, found, least_cost = world
    assert isinstance(step(needs, [], [], found, least_cost), Stop)
    broke = [replace(v, affordable=dict.fromkeys(v.affordable, 0.0)) for v in found]
    got = step(needs, keys, [], broke, least_cost)
    assert isinstance(got, Stop) or got.operation.free


@settings(modest, max_examples=100)
@given(worlds(), st.frozensets(st.sampled_from(KeyKind)), st.frozensets(st.sampled_from(FIELDS)))
def test_what_turns_no_choice_changes_none(world, kinds, brought):
    needs, _, found, _ = world
    wants = frozenset(Want(n.field, n.accept, n.of_person) for n in needs)
    for vendor in found:
        market, (heard, checked) = vendor.market({}, {}), turning(vendor.operations)
        whole = quote(market, wants, kinds, frozenset(), brought)
        assert quote(market, wants, kinds & heard, frozenset(), brought & checked) == whole
