"""Internet domains: the registered part, and whether it belongs to an employer."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from tldextract import TLDExtract

_HOST = re.compile(r"^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+$")

_PATH = re.compile(r"[/?#]")


@lru_cache(2048)
def registered(text: str) -> str:
    """The registered domain of a host, URL or address, or "" where there is none.

    A host under a suffix that the public list does not know is kept whole.
    """
    authority = _PATH.split(text.strip().lower().split("://", 1)[-1], maxsplit=1)[0]
    host = authority.rsplit("@", 1)[-1].split(":", 1)[0].strip(".").removeprefix("www.")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return ""
    if not _HOST.match(host):
        return ""
    found = _extractor()(host)
    if not found.suffix:
        return host
    return f"{found.domain}.{found.suffix}" if found.domain else ""


def employer(text: str) -> str:
    """The registered domain where it may be an employer's, or ""."""
    domain = registered(text)
    return "" if domain in _free_mail() else domain


@lru_cache(1)
def _extractor() -> TLDExtract:
    # The list that the package carries: no request, no cache file.
    return TLDExtract(cache_dir=None, suffix_list_urls=())


@lru_cache(1)
def _free_mail() -> frozenset[str]:
    lines = files("syncd.data").joinpath("freemail.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))
