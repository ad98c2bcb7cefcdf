"""Where prices and stock stand in the answers of each provider that needs no generator of its own: one entry each, by source in order."""

from adapters.registry import discover
from sim.wire.cells import Flag, Members
from sim.wire.table import Facts, TableWire

FACTS: dict[str, Facts] = {
    "digitalocean": Facts({"sizes": "sizes"}, "price_hourly price_monthly", (Members("regions"),)),
    "linode": Facts(
        {"types": "data", "availability": "data"},
        "price.hourly price.monthly region_prices[].hourly region_prices[].monthly",
        (Flag("available"),),
    ),
    "oracle": Facts({"products": "items"}, "currencyCodeLocalizations[].prices[].value"),
    "vultr": Facts(
        {"plans": "plans", "plans-metal": "plans_metal"},
        "hourly_cost monthly_cost hourly_cost_preemptible monthly_cost_preemptible",
        (Members("locations"),),
    ),
}


def table_wires() -> list[TableWire]:
    """One of each, by source in order."""
    adapters = discover()
    return [TableWire(adapters[source], facts) for source, facts in FACTS.items()]
