"""The numbers that decide: shared by the SQL and by everything that checks it."""

BASELINE_LEAST = 12
BASELINE_MOST = 24
Z_LIMIT = 3
SIGMA_FLOOR = 0.03
"""No sigma is smaller than this share of its centre."""
IQR_PER_SIGMA = 1.349
"""Inter-quartile range of a normal distribution, in sigmas."""
MARKET_MOVE_PROVIDERS = 3
HOUR_S = 3600


def trend_s(window_s: int) -> int:
    """How far back the trend looks: an hour in whole windows, at least one."""
    return max(1, HOUR_S // window_s) * window_s
