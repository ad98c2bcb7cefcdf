"""A clickhouse-connect client for an address in the settings."""

from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client


def connect(url: str, user: str, password: str, database: str | None, *, timeout_s: float = 60) -> Client:
    """A connected client; times come back aware, in UTC. Blocks; raises clickhouse_connect's ClickHouseError, ValueError for a bad URL."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"GPUTICKER_CLICKHOUSE_URL must be http(s)://host:port, not {url!r}")
    return clickhouse_connect.get_client(
        host=parts.hostname,
        port=parts.port or (8443 if parts.scheme == "https" else 8123),
        interface=parts.scheme,
        username=user,
        password=password,
        database=database,
        connect_timeout=5,
        send_receive_timeout=round(timeout_s),
        tz_mode="aware",
    )
