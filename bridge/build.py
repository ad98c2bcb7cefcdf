"""Puts sources together from settings: which are polled, with which client, and which are off and why."""

import logging
from collections.abc import Iterable, Mapping

from pydantic import SecretStr

from adapters.base import Adapter
from adapters.fetch.client import ProviderClient
from adapters.fetch.transport import PooledTransport
from adapters.limits import Bucket, Limit
from bridge.settings import BridgeSettings, credentials_for, off_reason
from bridge.source import Source

log = logging.getLogger(__name__)


class BadSettings(ValueError):
    """Settings that contradict each other. The message names them."""


def check(settings: BridgeSettings) -> None:
    """Raises BadSettings where requests would go to the wrong place."""
    if settings.market == "live" and settings.upstream_url:
        raise BadSettings("GPUTICKER_UPSTREAM_URL is set, but GPUTICKER_MARKET is live: real credentials would go to another host")
    if settings.market != "live" and not settings.upstream_url:
        raise BadSettings(f"GPUTICKER_MARKET is {settings.market}, but GPUTICKER_UPSTREAM_URL is empty: real providers would be asked")


def chosen(adapters: Mapping[str, Adapter], names: Iterable[str]) -> dict[str, Adapter]:
    """The adapters of these names; all of them where no name is given. Raises BadSettings for an unknown one."""
    names = list(names)
    unknown = [name for name in names if name not in adapters]
    if unknown:
        raise BadSettings(f"--sources: no source named {', '.join(unknown)}; there are {', '.join(adapters)}")
    return {name: adapter for name, adapter in adapters.items() if name in names or not names}


def build_sources(settings: BridgeSettings, adapters: Mapping[str, Adapter], known: dict[str, SecretStr]) -> dict[str, Source]:
    """One Source per adapter. One that is off, such as for a missing credential, has no client; a warning and its health say why."""
    sources = {}
    buckets: dict[tuple[str, tuple[Limit, ...]], Bucket] = {}
    for name, adapter in adapters.items():
        reason = off_reason(adapter, settings, known)
        client = None
        if reason is not None:
            log.warning("%s is off: %s", name, reason)
        else:
            limits = adapter.limits if settings.market == "live" else ()
            # Sources at one host are one guest.
            bucket = buckets.setdefault((adapter.base_url, limits), Bucket(limits))
            credentials = credentials_for(adapter, settings.market, known)
            upstream = settings.upstream_url
            transport = PooledTransport(upstream, settings.upstream_ca)
            client = ProviderClient(adapter, transport, credentials=credentials, upstream_url=upstream, bucket=bucket)
        sources[name] = Source(adapter, client, settings.market, interval_s=settings.interval_s, off_reason=reason)
    return sources
