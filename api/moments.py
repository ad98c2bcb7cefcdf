"""Moments as the API tells them: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime


def from_ms(unix_ms: int) -> datetime:
    """The moment of a Unix time in milliseconds."""
    return datetime.fromtimestamp(unix_ms // 1000, UTC).replace(microsecond=unix_ms % 1000 * 1000)


def tell(moment: datetime) -> str:
    """`2026-11-21T08:00:00.123Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def tell_ms(unix_ms: int) -> str:
    """The same, of a Unix time in milliseconds."""
    return tell(from_ms(unix_ms))


def age_s(unix_ms: int, now_ms: int) -> float:
    """Seconds since, to a tenth, never below 0 (two clocks may differ)."""
    return max(0, now_ms - unix_ms) // 100 / 10
