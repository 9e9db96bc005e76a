"""Requests are spaced so that no server of any kind ever sees one too many, and hardly a slot is wasted."""

import heapq
import itertools
import random
from bisect import bisect_left
from collections import Counter, deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from connectors.contactout import operations as contactout
from connectors.crustdata import operations as crustdata
from connectors.reverselooker import operations as reverselooker
from connectors.rocketreach import operations as rocketreach
from connectors.sandbox.rocketreach.limits import Limits, chosen
from connectors.sandbox.windows import KINDS, Window
from connectors.waterfall_io import operations as waterfall_io
from syncd.checkout import GROUP, HORIZON_S
from syncd.connector import Failure, FailureKind, Limit
from syncd.pacing import BREAK_AFTER, BREAK_S, Pacer, interval_s
from syncd.store.engine import MILLION, Store
from tests.unit.judging_support import modest

DAY_S = 86_400
LATENCY_S = 0.2
"""The most by which the way of one request may be longer than another's; below the margin that is kept."""


class Clock:
    """The time of a simulation. Sleeping is noted, not done."""

    def __init__(self):
        self.now = 1_000_000.0
        self.slept = 0.0

    def us(self):
        """For the store."""
        return round(self.now * MILLION)

    def sleep(self, seconds):
        """For the pacer."""
        self.slept = seconds


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A state with its schema, copied for every simulation."""
    path = tmp_path_factory.mktemp("pacing") / "empty.db"
    store = Store(f"sqlite:///{path}")
    store.open(exclusive=False)
    store.close()
    return path


class World:
    """A state, a clock and as many workers' pacers as are wanted."""

    def __init__(self, files, folder):
        self.clock = Clock()
        path = folder / f"{random.Random().getrandbits(60)}.db"
        path.write_bytes(files.read_bytes())
        self.store = Store(f"sqlite:///{path}", self.clock.us)
        # Nothing here outlives the test, so nothing has to reach the disk.
        event.listen(self.store.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))

    def pacer(self):
        """A worker's pacer: another process, for all that it shares."""
        return Pacer(self.store, self.clock.sleep, lambda: self.clock.now)

    def close(self):
        """Let go of the file."""
        self.store.close()


@pytest.fixture
def world(files, tmp_path):
    found = World(files, tmp_path)
    yield found
    found.close()


def arrivals(world, limit, workers, seconds, pacers=1, seed=1, latency_s=LATENCY_S):
    """The moments at which a server sees the requests of workers that never rest."""
    rng = random.Random(seed)
    clock, shared = world.clock, [world.pacer() for _ in range(pacers)]
    buckets = [p.buckets("key", [limit])[limit.bucket] for p in shared]
    start = clock.now
    queue = [(start, w) for w in range(workers)]
    seen = []
    while queue:
        clock.now, worker = heapq.heappop(queue)
        if clock.now - start > seconds:
            continue
        clock.slept = 0.0
        shared[worker % pacers].wait(buckets[worker % pacers], 3600.0)
        sent = clock.now + clock.slept
        seen.append(sent - start + rng.uniform(0, latency_s))
        heapq.heappush(queue, (sent + rng.uniform(0, 2 * LATENCY_S), worker))
    return sorted(seen)


def fixed_window_worst(moments, limit, offset):
    """The most requests in any window of a server that counts in windows from `offset` on."""
    return max(Counter(int((m + offset) // limit.per_s) for m in moments).values())


def sliding_window_worst(moments, limit):
    """The most requests in any stretch of the limit's length."""
    inside, worst = deque(), 0
    for moment in moments:
        inside.append(moment)
        while inside[0] <= moment - limit.per_s:
            inside.popleft()
        worst = max(worst, len(inside))
    return worst


def token_bucket_refusals(moments, limit, size):
    """How many requests a bucket of `size` tokens, filled at the limit's rate, turns away."""
    tokens, last, refused = float(size), 0.0, 0
    for moment in moments:
        tokens = min(size, tokens + (moment - last) * limit.count / limit.per_s)
        last = moment
        if tokens >= 1:
            tokens -= 1
        else:
            refused += 1
    return refused


CONTACTOUT_SEARCH, CONTACTOUT_CHECKER = Limit("search", 60, 60.0), Limit("checker", 150, 60.0)
FAST = Limit("default", 1000, 60.0)
HUBSPOT = Limit("burst", 190, 10.0)


@pytest.mark.parametrize(
    ("limit", "seconds"), [(CONTACTOUT_SEARCH, 300), (CONTACTOUT_CHECKER, 120), (FAST, 75), (HUBSPOT, 31)]
)
def test_no_kind_of_server_sees_more_than_its_limit_and_nearly_all_of_it_is_used(world, limit, seconds):
    ways = random.Random(1)
    sent = arrivals(world, limit, workers=12, seconds=seconds, latency_s=0.0)
    moments = sorted(moment + ways.uniform(0, LATENCY_S) for moment in sent)
    assert sliding_window_worst(moments, limit) <= limit.count
    for offset in range(0, 60, 7):
        assert fixed_window_worst(moments, limit, offset * limit.per_s / 60) <= limit.count
    for size in (limit.count, limit.count // 4):
        assert token_bucket_refusals(moments, limit, size) == 0
    rate = (len(sent) - 1) / (sent[-1] - sent[0])
    assert 0.97 <= rate / (limit.count / limit.per_s) <= 1


def sent_by_the_till(world, limits, seconds, seed=1):
    """(moment, bucket) of arrivals where every bucket always has something to send, by the till's own taking."""
    rng, clock, pacer = random.Random(seed), world.clock, world.pacer()
    start, seen = clock.now, []
    turns = [(start, bucket.limit.bucket, bucket) for bucket in pacer.buckets("key", limits).values()]
    heapq.heapify(turns)
    while turns[0][0] < start + seconds:
        clock.now, name, bucket = heapq.heappop(turns)
        slots = pacer.take(bucket, GROUP, HORIZON_S)
        moments = [
            clock.now - start + (slots.wait_us + i * slots.interval_us) / MILLION for i in range(slots.count)
        ]
        seen += [(moment + rng.uniform(0, LATENCY_S), name) for moment in moments]
        later = slots.wait_us if not slots.count else slots.count * slots.interval_us
        heapq.heappush(turns, (clock.now + max(0.001, later / MILLION - HORIZON_S / 2), name, bucket))
    return sorted(seen)


def fullest_minute(moments):
    """The most requests within any minute."""
    return max(bisect_left(moments, m + 60) - i for i, m in enumerate(moments))


def named(limits, *names):
    """The limits of these buckets."""
    return [limit for limit in limits if limit.bucket in names]


DOCUMENTED = {
    "contactout": named(contactout.LIMITS, "checker", "search"),
    "rocketreach essentials": named(rocketreach.limits_of("essentials"), "lookup", "search"),
    "rocketreach pro": named(rocketreach.limits_of("pro"), "lookup", "search"),
    "rocketreach ultimate": named(rocketreach.limits_of("ultimate"), "lookup", "search"),
    "rocketreach custom": named(rocketreach.limits_of("custom"), "lookup", "search"),
    "crustdata": named(crustdata.LIMITS, "person", "contact", "search", "company", "live"),
    "waterfall_io": named(waterfall_io.LIMITS, "default"),
    "reverselooker": named(reverselooker.LIMITS, "default"),
}


@pytest.mark.parametrize("vendor", DOCUMENTED)
def test_every_limit_of_a_vendor_is_used_and_no_window_of_the_stand_in_refuses(world, vendor):
    arrived = sent_by_the_till(world, DOCUMENTED[vendor], seconds=130)
    for limit in DOCUMENTED[vendor]:
        moments = [moment for moment, name in arrived if name == limit.bucket]
        for kind, began in itertools.product(KINDS, (0.0, 17.3, 41.9)):
            window = Window(limit.count, limit.per_s, kind)
            refused = [m for m in moments if window.admit(1_000_020.0 + began + m)]
            assert refused == [], f"{limit.bucket} by a {kind} window"
        assert len(moments) / (130 / limit.per_s) >= 0.95 * limit.count
        assert fullest_minute(moments) >= 0.95 * limit.count


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("plan", ["essentials", "custom"])
def test_all_that_rocketreach_is_asked_at_once_stays_below_its_ten_a_second(world, plan, kind):
    short = {name: {"hour": None, "day": None, "month": None} for name in ("person_lookup", "person_search")}
    judge = Limits()
    judge.tune(chosen(plan, short), kind, 1.0)
    action = {"lookup": "person_lookup", "search": "person_search", "default": "check_status"}
    arrived = sent_by_the_till(world, rocketreach.limits_of(plan), seconds=65)
    assert [name for at, name in arrived if judge.admit(action[name], 1_000_000.0 + at)] == []


def test_the_first_minute_after_a_pause_holds_no_burst(world):
    limit, clock = CONTACTOUT_SEARCH, world.clock
    pacer = world.pacer()
    bucket = pacer.buckets("key", [limit])["search"]
    pacer.wait(bucket, 1.0)
    clock.now += 3_600
    moments = arrivals(world, limit, workers=30, seconds=120)
    assert sliding_window_worst(moments, limit) <= limit.count
    gaps = [b - a for a, b in itertools.pairwise(moments)]
    assert min(gaps) >= interval_s(limit) - LATENCY_S


@pytest.mark.parametrize(("limit", "seconds"), [(CONTACTOUT_SEARCH, 200), (HUBSPOT, 25)])
def test_processes_of_one_credential_share_one_limit(world, limit, seconds):
    moments = arrivals(world, limit, workers=12, pacers=3, seconds=seconds)
    assert sliding_window_worst(moments, limit) <= limit.count
    assert fixed_window_worst(moments, limit, 0.0) <= limit.count


@settings(modest, max_examples=8)
@given(
    st.integers(2, 200),
    st.sampled_from([1.0, 10.0, 60.0]),
    st.integers(1, 9),
    st.integers(1, 3),
    st.integers(0, 99),
)
def test_whatever_the_limit_it_is_kept(files, tmp_path_factory, count, per_s, workers, pacers, seed):
    limit = Limit("any", count, per_s)
    world = World(files, tmp_path_factory.mktemp("any"))
    try:
        latency_s = min(LATENCY_S, per_s / 5)
        requests = min(3 * count, 120)
        moments = arrivals(world, limit, workers, requests * per_s / count, pacers, seed, latency_s)
    finally:
        world.close()
    assert sliding_window_worst(moments, limit) <= count


def test_credentials_and_buckets_do_not_share_their_slots(world):
    pacer = world.pacer()
    one = pacer.buckets("a", [CONTACTOUT_SEARCH, FAST])
    other = pacer.buckets("b", [CONTACTOUT_SEARCH])
    for bucket in (one["search"], one["default"], other["search"]):
        world.clock.slept = 0.0
        pacer.wait(bucket, 0.0)
        assert world.clock.slept == 0.0


def test_a_slot_that_comes_too_late_is_refused_with_the_time_to_wait_and_costs_nothing(world):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [CONTACTOUT_SEARCH])["search"]
    pacer.wait(bucket, 0.0)
    with pytest.raises(Failure) as caught:
        pacer.wait(bucket, 0.5)
    assert (caught.value.kind, caught.value.charged) == (FailureKind.RATE_LIMITED, False)
    assert caught.value.retry_after_s == pytest.approx(interval_s(CONTACTOUT_SEARCH), abs=0.01)
    world.clock.now += caught.value.retry_after_s
    world.clock.slept = 0.0
    pacer.wait(bucket, 0.0)
    assert world.clock.slept == 0.0


def test_slots_are_handed_out_evenly_and_only_within_the_horizon(world):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [CONTACTOUT_SEARCH])["search"]
    apart = interval_s(CONTACTOUT_SEARCH)
    slots = pacer.take(bucket, 50, 5 * apart)
    assert (slots.count, slots.wait_us) == (6, 0)
    assert slots.interval_us == round(apart * MILLION)
    assert pacer.take(bucket, 1, 5 * apart).count == 0
    assert pacer.take(bucket, 1, 6 * apart).wait_us == 6 * slots.interval_us


def test_a_pause_holds_everybody_and_a_longer_one_is_not_cut_short(world):
    pacer, other = world.pacer(), world.pacer()
    bucket = pacer.buckets("key", [FAST])["default"]
    pacer.pause(bucket, 30.0)
    pacer.pause(bucket, 5.0)
    assert other.take(bucket, 1, 29.9).count == 0
    slots = other.take(bucket, 1, 31.0)
    assert (slots.count, slots.wait_us) == (1, 30 * MILLION)


@pytest.mark.parametrize("days", [3, 31])
def test_a_vendor_that_asks_for_days_gets_them(world, days):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [FAST])["default"]
    pacer.pause(bucket, days * DAY_S)
    assert pacer.take(bucket, 1, 0.0).wait_us == days * DAY_S * MILLION
    world.clock.now += days * DAY_S - 1
    assert world.pacer().take(bucket, 1, 0.5).count == 0
    world.clock.now += 1
    assert world.pacer().take(bucket, 1, 0.0).count == 1


def test_a_vendor_that_asks_for_more_than_it_can_mean_is_asked_again_after_a_day(world):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [FAST])["default"]
    pacer.pause(bucket, world.clock.now * 1000)
    assert pacer.take(bucket, 1, 0.0).wait_us == DAY_S * MILLION


def test_slots_taken_ahead_are_given_up_when_the_server_says_stop(world):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [Limit("fast", 6000, 60.0)])["fast"]
    pacer.wait(bucket, 1.0)
    pacer.pause(bucket, 30.0)
    with pytest.raises(Failure):
        pacer.wait(bucket, 1.0)


def test_slots_taken_ahead_lapse_when_nobody_used_them(world):
    pacer, limit = world.pacer(), Limit("fast", 60_000, 60.0)
    bucket = pacer.buckets("key", [limit])["fast"]
    pacer.wait(bucket, 1.0)
    world.clock.now += 10
    for _ in range(20):
        world.clock.slept = 0.0
        pacer.wait(bucket, 1.0)
    assert world.clock.slept >= 15 * interval_s(limit)


def test_outages_in_a_row_open_the_breaker_ever_longer_and_an_answer_closes_it(world):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [FAST])["default"]
    for count in range(1, BREAK_AFTER):
        assert pacer.outage(bucket) == count
        assert pacer.take(bucket, 1, 1.0).count == 1
    assert pacer.outage(bucket) == BREAK_AFTER
    assert pacer.take(bucket, 1, BREAK_S - 0.1).count == 0
    pacer.outage(bucket)
    assert pacer.take(bucket, 1, 2 * BREAK_S - 0.1).count == 0
    assert pacer.recovered(bucket) == BREAK_AFTER + 1
    assert pacer.take(bucket, 1, 1.0).count == 1
    assert pacer.recovered(bucket) == 0


def test_a_clock_that_was_set_back_holds_nobody_up_for_longer_than_a_period(world):
    pacer = world.pacer()
    bucket = pacer.buckets("key", [CONTACTOUT_SEARCH])["search"]
    pacer.wait(bucket, 1.0)
    world.clock.now -= 86_400
    assert pacer.take(bucket, 1, 60.0).count == 1


def test_a_lowered_limit_takes_effect_at_once(world):
    slow = Limit("search", 10, 60.0)
    world.pacer().buckets("key", [CONTACTOUT_SEARCH])
    pacer = world.pacer()
    bucket = pacer.buckets("key", [slow])["search"]
    assert pacer.take(bucket, 9, 60.0).interval_us == round(interval_s(slow) * MILLION)


def test_a_limit_of_one_is_one_request_to_a_period():
    assert interval_s(Limit("one", 1, 60.0)) >= 60.0
