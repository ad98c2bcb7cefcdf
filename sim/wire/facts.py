"""Where prices and stock stand in the answers of each provider that needs no generator of its own: one entry each, by source in order."""

from adapters.registry import discover
from sim.exchange import Wire
from sim.wire.cells import Flag, Members, Word
from sim.wire.page import PageFacts, PageWire
from sim.wire.table import Facts, TableWire

FACTS: dict[str, Facts] = {
    "digitalocean": Facts({"sizes": "sizes"}, "price_hourly price_monthly", (Members("regions"),)),
    "gcp": Facts({"skus": "skus"}, "pricingInfo[].pricingExpression.tieredRates[].unitPrice", together=True),
    "linode": Facts(
        {"types": "data", "availability": "data"},
        "price.hourly price.monthly region_prices[].hourly region_prices[].monthly",
        (Flag("available"),),
    ),
    "oracle": Facts({"products": "items"}, "currencyCodeLocalizations[].prices[].value"),
    "tencent": Facts(
        {"configurations": "Response.InstanceTypeQuotaSet"},
        "Price.UnitPrice Price.UnitPriceDiscount Price.UnitPriceSecondStep Price.UnitPriceThirdStep",
        (
            Word("Status", ("SOLD_OUT", "SELL", "SELL", "SELL")),
            Word("StatusCategory", ("WithoutStock", "UnderStock", "NormalStock", "EnoughStock")),
        ),
    ),
    "vultr": Facts(
        {"plans": "plans", "plans-metal": "plans_metal"},
        "hourly_cost monthly_cost hourly_cost_preemptible monthly_cost_preemptible",
        (Members("locations"),),
    ),
}


PAGES: dict[str, PageFacts] = {
    "coreweave": PageFacts(r'<div role="listitem" class="table-row-v2.*?\n</div></div></div>', r"\$([\d,]+\.\d+)", "Price (Per Hour)"),
}


def written_wires() -> list[Wire]:
    """One of each."""
    adapters = discover()
    tables: list[Wire] = [TableWire(adapters[source], facts) for source, facts in FACTS.items()]
    return tables + [PageWire(adapters[source], facts) for source, facts in PAGES.items()]
