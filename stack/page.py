"""The short page that `up` ends with: what market it is, what runs, where each door is, what to try."""

import shutil

from stack.prepare import airflow_login
from stack.settings import Stack

MARKETS = {
    "simulated": "SIMULATED market: no price here is real.",
    "recorded": "RECORDED answers of real providers, replayed.",
    "live": "Live prices from the real providers.",
}


def page(stack: Stack) -> str:
    """The text. Every address in it is one that answers on this machine."""
    urls = stack.urls
    doors = [
        ("dashboard, prices", f"{urls['api']}/"),
        ("OpenAPI", f"{urls['api']}/docs"),
        ("Kafka", f"{urls['kafka']}   (registry {urls['registry']})"),
        ("ClickHouse", f"{urls['clickhouse']}   (database gputicker, user default, no password)"),
    ]
    if "flink" in urls:
        doors.append(("Flink", urls["flink"]))
    if "airflow" in urls:
        user, password = airflow_login(stack)
        doors.append(("Airflow", f"{urls['airflow']}   (user {user}, password {password})"))
    if "sim" in urls:
        doors.append(("market", f"{urls['sim']}/"))
    command = "gputicker" if shutil.which("gputicker") else ".venv/bin/gputicker"
    tries = (
        f"{command} cheapest H100-SXM-80",
        f"{command} sql 'SELECT gpu, count() FROM offers_latest GROUP BY gpu'",  # noqa: S608 - shown to a person, not run
        f"curl '{urls['api']}/v1/offers?gpu=H100-SXM-80&available=true&sort=price&limit=3'",
    )
    lines = ["", MARKETS[stack.market], ""]
    lines += [f"  {name:<18} {address}" for name, address in doors]
    lines += ["", "Try:", *(f"  {line}" for line in tries), ""]
    return "\n".join(lines)
