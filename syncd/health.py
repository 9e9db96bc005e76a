"""Health in detail, for people: one line for everything that can be well or not."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import SQLAlchemyError

from syncd.notify.troubles import Trouble, troubles
from syncd.overview import iso
from syncd.runtime import Runtime
from syncd.store import runs
from syncd.store.schema import HEAD


def details(runtime: Runtime) -> list[str]:
    """Lines that begin with [+] for what is well and [-] for what is not. Nobody's data is in them."""
    try:
        return list(_lines(runtime))
    except SQLAlchemyError as error:
        return [f"[-] state: cannot be read ({type(error).__name__})"]


def _lines(runtime: Runtime) -> Iterator[str]:
    found = troubles(runtime, runtime.clock())
    with runtime.store.read() as connection:
        paused = {h.scope for h in runs.halts(connection) if h.kind == "pause"}
        ended = {n: runs.sync_state(connection, n).last_success_us for n in runtime.policies}
    yield f"[+] state: schema {HEAD}"
    yield f"[+] mode: {'paused' if 'all' in paused else runtime.settings.mode.value}"
    for name in runtime.crms:
        yield _line(f"CRM {name}", f"crm:{name}", found, paused)
    for name in runtime.providers:
        yield _line(name, name, found, paused)
    for name in runtime.policies:
        last = f", last ended well {iso(ended[name])}" if ended[name] else ", has not ended well yet"
        yield _line(f"sync {name}", f"sync:{name}", found, paused) + last


def _line(what: str, scope: str, found: list[Trouble], paused: set[str]) -> str:
    titles = [t.title for t in found if t.key.partition(":")[2].partition("/")[0].partition(".")[0] == scope]
    if titles:
        return f"[-] {what}: {'; '.join(titles)}"
    return f"[+] {what}: {'paused' if scope in paused else 'nothing wrong'}"
