"""Where prices and stock stand in the answers of each provider that needs no generator of its own: one entry each, by source in order."""

from adapters.registry import discover
from sim.exchange import Wire
from sim.market import Habit
from sim.wire.cells import Count, Flag, Members, Word
from sim.wire.copies import Copies
from sim.wire.page import PageFacts, PageWire
from sim.wire.table import Facts, TableWire

STEADY = Habit(step_s=24 * 3600)
SPOT = Habit(step_s=1800, noise=0.004, jump=0.02)

IN_ZONE = "AvailableResources.AvailableResource[].SupportedResources.SupportedResource[]"
RUNPOD_LEVELS = ("NONE", "LOW", "MEDIUM", "HIGH")

LIUM_PLACES = tuple(
    {"country_code": code, "city": city}
    for code, city in (
        ("US", "Chicago"),
        ("FI", "Espoo"),
        ("CA", "Montreal"),
        ("NO", "Oslo"),
        ("IS", "Reykjavik"),
        ("FR", "Paris"),
        ("JP", "Tokyo"),
    )
)

FACTS: dict[str, Facts] = {
    "akash": Facts(
        {"gpu-prices": "models"}, "price.med price.min price.max price.avg price.weightedAverage", (Count("availability.available"),)
    ),
    "alibaba": Facts(
        {"types": "InstanceTypes.InstanceType", "stock": "AvailableZones.AvailableZone", "price": "PriceInfo"},
        "DetailInfos.DetailInfo[].OriginalPrice DetailInfos.DetailInfo[].TradePrice OriginalPrice TradePrice",
        (
            Word(f"{IN_ZONE}.Status", ("SoldOut", "Available", "Available", "Available")),
            Word(f"{IN_ZONE}.StatusCategory", ("WithoutStock", "ClosedWithStock", "WithStock", "WithStock")),
        ),
        like=lambda name: f"ap-southeast-1/{name.partition('/')[2]}",
    ),
    "alibaba-spot": Facts(
        {"history": "SpotPrices.SpotPriceType"},
        "SpotPrice OriginPrice",
        habit=SPOT,
        like=lambda name: f"ap-southeast-1/{name.partition('/')[2]}",
    ),
    "aquanode": Facts({"marketplace": "data"}, "price", (Count("available"),)),
    "aws": Facts({"prices": "regions.*"}, "price", habit=STEADY, like=lambda _: "EU (Ireland)"),
    "chutes": Facts({"pricing": "gpu_price_estimates"}, "usd.hour usd.second"),
    "clore": Facts(
        {"marketplace": "servers"},
        "price.on_demand.USD-Blockchain price.spot.USD-Blockchain price.spot.CLORE-Blockchain price.on_demand.CLORE-Blockchain "
        "price.usd.on_demand_clore",
        (Flag("rented", says=False), Count("partial_gpu_rental.available_gpus")),
        copies=Copies(40, "id", {"specs.net.cc": ("US", "DE", "FI", "KR", "CA", "PL", "JP", "SE", "GB", "CZ")}),
        strange=("specs.gpu", "1x NVIDIA Simulated X1"),
    ),
    "cloudrift": Facts({"types": "data.instance_types"}, "variants[].cost_per_hour", (Count("variants[].available_nodes_per_dc.*"),)),
    "cudo": Facts(
        {"machine-types": "machineTypes"},
        "gpuPriceHr.value vcpuPriceHr.value memoryGibPriceHr.value ipv4PriceHr.value",
        (Count("totalGpuFree"),),
    ),
    "digitalocean": Facts({"sizes": "sizes"}, "price_hourly price_monthly", (Members("regions"),)),
    "gcore": Facts({"baremetal": "results", "virtual": "results"}, "price.price_per_hour price.price_per_month", (Count("capacity"),)),
    "gcp": Facts({"skus": "skus"}, "pricingInfo[].pricingExpression.tieredRates[].unitPrice", together=True),
    "gpuai": Facts({"pricing": "data"}, "price_per_hour", (Count("available"),)),
    "golem": Facts(
        {"online": ""},
        "runtimes.*.hourly_price_glm runtimes.*.hourly_price_usd runtimes.*.monthly_price_glm runtimes.*.monthly_price_usd "
        "runtimes.*.properties.*[]",
        (Flag("computing_now", says=False),),
    ),
    "hotaisle": Facts({"virtual-machines": "", "bare-metal": ""}, "OnDemandPrice", (Count("Quantity"),)),
    "hyperbolic": Facts({"options": ""}, "costPerHourCents providerCostPerHourCents", (Count("totalAvailable"), Flag("enabled"))),
    "hyperstack": Facts(
        {"pricebook": "", "stocks": "stocks", "flavors": "data"},
        "original_value value",
        (Flag("flavors[].stock_available"), Count("models[].configurations.*")),
    ),
    "ionet": Facts(
        {"vmaas": "data.hardware", "caas": "data.hardware"}, "price", (Flag("sold_out", says=False), Count("available_replicas"))
    ),
    "jarvislabs": Facts(
        {"server_meta": "server_meta"},
        "price_per_hour spot_price",
        (Count("effective_num_free_devices"), Count("num_free_devices"), Count("spot_num_free_devices")),
    ),
    "latitude": Facts(
        {"plans": "data"},
        "attributes.regions[].pricing.USD.hour attributes.regions[].pricing.USD.month attributes.regions[].pricing.USD.year",
        (Word("attributes.regions[].stock_level", ("unavailable", "low", "medium", "high")),),
    ),
    "linode": Facts(
        {"types": "data", "availability": "data"},
        "price.hourly price.monthly region_prices[].hourly region_prices[].monthly",
        (Flag("available"),),
    ),
    "lium": Facts(
        {"executors": ""},
        "price_per_gpu",
        (Count("available_gpu_count"),),
        copies=Copies(40, "id", {"location": LIUM_PLACES}),
        strange=("machine_name", "NVIDIA Simulated X2"),
    ),
    "massed-compute": Facts(
        {"gpu-inventory": "gpu_inventory"}, "instance_type.price_cents_per_hour", (Members("regions_with_capacity_available"),)
    ),
    "mithril": Facts({"instance-types": "", "availability": ""}, "last_instance_price lowest_allocated_price", (Count("capacity"),)),
    "nebula-block": Facts({"products": "data"}, "*[].price_per_hour", (Flag("*[].is_available"),)),
    "novita": Facts(
        {"on-demand": "data", "spot": "data"},
        "price spotPrice",
        (Flag("availableDeploy"), Word("inventoryState", ("none", "low", "normal", "high"))),
    ),
    "oracle": Facts({"products": "items"}, "currencyCodeLocalizations[].prices[].value"),
    "ovh": Facts({"catalog": "addons"}, "pricings[].price"),
    "ovh-us": Facts({"catalog": "addons"}, "pricings[].price"),
    "prime-intellect": Facts(
        {"gpus": "items"}, "prices.onDemand prices.communityPrice", (Word("stockStatus", ("Unavailable", "Low", "Medium", "High")),)
    ),
    "runpod-rest": Facts(
        {"secure": "gpus", "community": "gpus"},
        "price.secure price.community",
        (Word("availability", RUNPOD_LEVELS), Word("dataCenters[].availability", RUNPOD_LEVELS)),
    ),
    "runpod-serverless": Facts({"workers": "gpus"}, "price.serverless", (Word("availability", RUNPOD_LEVELS),)),
    "salad": Facts({"gpu-classes": "items"}, "prices[].price"),
    "seeweb": Facts({"plans": "plans", "availables": "plans"}, "hourly_price montly_price", (Members("region_availables"),)),
    "sesterce": Facts({"offers": ""}, "hourlyPrice hourlySpotPrice", (Flag("availability[].available"),)),
    "shadeform": Facts({"types": "instance_types"}, "hourly_price", (Flag("availability[].available"),)),
    "spheron": Facts({"offers": "data"}, "offers[].price offers[].spot_price", (Flag("offers[].available"),)),
    "tencent": Facts(
        {"configurations": "Response.InstanceTypeQuotaSet"},
        "Price.UnitPrice Price.UnitPriceDiscount Price.UnitPriceSecondStep Price.UnitPriceThirdStep",
        (
            Word("Status", ("SOLD_OUT", "SELL", "SELL", "SELL")),
            Word("StatusCategory", ("WithoutStock", "UnderStock", "NormalStock", "EnoughStock")),
        ),
    ),
    "voltage-park": Facts(
        {"locations": "results"}, "gpu_price_ethernet gpu_price_infiniband", (Count("gpu_count_ethernet"), Count("gpu_count_infiniband"))
    ),
    "voltage-park-vm": Facts({"presets": ""}, "compute_rate_hourly storage_rate_hourly", (Members("location_ids_with_availability"),)),
    "tensordock": Facts(
        {"locations": "data.locations"},
        "gpus[].price_per_hr gpus[].pricing.per_vcpu_hr gpus[].pricing.per_gb_ram_hr gpus[].pricing.per_gb_storage_hr",
        (Count("gpus[].max_count"),),
        copies=Copies(24, "id"),
    ),
    "thunder": Facts({"pricing": "pricing", "status": "specs"}, ".", (Word(".", ("unavailable", "available", "available", "available")),)),
    "vultr": Facts(
        {"plans": "plans", "plans-metal": "plans_metal"},
        "hourly_cost monthly_cost hourly_cost_preemptible monthly_cost_preemptible "
        "location_cost.*.hourly_cost location_cost.*.monthly_cost "
        "location_cost.*.hourly_cost_preemptible location_cost.*.monthly_cost_preemptible",
        (Members("locations"),),
    ),
}


PAGES: dict[str, PageFacts] = {
    "aws-spot": PageFacts(
        r" *<item>.*?</item>\n",
        r"<spotPrice>([\d.]+)</spotPrice>",
        "spotPriceHistorySet",
        habit=SPOT,
        thousands="",
        content_type="text/xml;charset=UTF-8",
        like=lambda _: "eu-west-1",
    ),
    "civo": PageFacts(r"<tr>\n<td data-title=\"Size\">.*?</tr>", r"\$([\d,]+\.\d+)<span>per", "On-demand"),
    "coreweave": PageFacts(r'<div role="listitem" class="table-row-v2.*?\n</div></div></div>', r"\$([\d,]+\.\d+)", "Price (Per Hour)"),
    "crusoe": PageFacts(r'<div role="listitem" class="prixing-item[^\n]*', r"\$([\d,]+\.\d+)", "GPU instances pricing"),
    "nebius": PageFacts(
        r'<div class="pc-highlight-table-block__row"><div [^\n]*?<p>NVIDIA [^\n]*', r"\$([\d,]+\.\d+)", "NVIDIA GPU Instances"
    ),
    "deepinfra": PageFacts(r'<tr class="MuiTableRow-root">.*?</tr>', r"<b>\$([\d,.]+)</b>", "Memory"),
    "e2e": PageFacts(r'<tr class="hover">.*?</tr>', r"\$([\d,.]+)<", "Hourly/On-Demand"),
    "flyio": PageFacts(r"<li>[^<:]+: [^<]+</li>", r"\$([\d.]+)/hr", "GPU pricing"),
    "modal": PageFacts(r'<div class="resource-row">.*?</div></div>', r"\$([\d.]+)<!-- --> / sec", "GPU Tasks"),
    "tensorpool": PageFacts(
        r'<div class="p-5[^"]*">(?:ON-DEMAND)?</div><div class="p-5 text-base[^"]*">.*?\n', r"\$([\d,]+(?:\.\d+)?)/hr", "GPU Type"
    ),
    "together": PageFacts(r'<tr fs-list-element="item">.*?</tr>', r"\$([\d,.]+)<", "Hardware"),
    "replicate": PageFacts(r"<tr><td><div>.*?</tr>", r"\$([\d.]+)/sec", "Hardware", restated=(r"\$([\d.]+)/hr", 3600), thousands=""),
}


BESIDE_PAGES: dict[str, Facts] = {"crusoe": Facts({"types": "items", "capacities": "items"}, "", (Count("quantity"),))}
"""What a provider answers besides its page."""


def written_wires() -> list[Wire]:
    """One of each."""
    adapters = discover()
    tables: list[Wire] = [TableWire(adapters[source], facts) for source, facts in FACTS.items()]
    return tables + [PageWire(adapters[source], facts, BESIDE_PAGES.get(source)) for source, facts in PAGES.items()]
