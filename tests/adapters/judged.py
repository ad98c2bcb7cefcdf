"""What counts as a wrong price, which ones are let pass and why, and which fields are prices: for the tests that alter answers."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from adapters.errors import PayloadChanged
from bridge.factors import LEAST_COUNTED
from sim.wire.facts import FACTS, PAGES
from tests.adapters.mutations import HUNDREDFOLD, changed, fields, page_hundredfold
from tests.adapters.polled import Accepted, Answers, Asked, Outcome, Stated, key

OWN_PRICES = {
    "azure": {"retailPrice", "unitPrice"},
    "gcp": {"unitPrice.units", "unitPrice.nanos"},
    "golem": {"hourly_price_glm", "hourly_price_usd", "golem.com.pricing.model.linear.coeffs[]"},
    "lambda": {"price_cents_per_hour"},
    "runpod": {"securePrice", "communityPrice", "secureSpotPrice", "communitySpotPrice", "price"},
    "scaleway": {"hourly_price", "monthly_price"},
    "thunder": {"pricing.*"},
    "vast": {"dph_base", "dph_total", "min_bid", "storage_cost"},
    "verda": {"price_per_hour", "spot_price", "serverless_price"},
}
PRICES = {source: {path.split(".")[-1] for path in facts.prices.split()} for source, facts in FACTS.items()} | OWN_PRICES
"""How each provider names its prices, by the end of their fields."""

MINORITY = "fewer than half of the source's offers, and not all of a price type or slice with three: no unit break as DESIGN.md defines it"
PART = "one of several prices that are added up: the sum moves as a repricing does, by another factor for each offer"
LIKELY = "an answer that the provider may well give"

EXEMPT: tuple[tuple[str, str, str], ...] = (
    ("alibaba-spot", r"(missing|renamed|null) history: NextOffset", "the end of the history, which nobody has recorded: 0, or not there"),
    ("clore", r"hundredfold marketplace: servers\[\]\.price\.spot\.CLORE-Blockchain", MINORITY),
    ("cudo", r"hundredfold machine-types: .*\.(vcpuPriceHr|memoryGibPriceHr|ipv4PriceHr)\.value", PART),
    ("tensordock", r"hundredfold locations: .*\.(per_vcpu_hr|per_gb_ram_hr|per_gb_storage_hr)", PART),
    ("gcore", r"hundredfold virtual(: .*)?", MINORITY),
    ("hotaisle", r"hundredfold bare-metal(: .*)?", MINORITY),
    ("ionet", r"hundredfold caas(: .*)?", MINORITY),
    ("linode", r"hundredfold types: data\[\]\.region_prices\[\]\.hourly", MINORITY),
    ("nebula-block", r"hundredfold products: data\.[\w-]+\.\w+\[\]\.price_per_hour", MINORITY),
    ("sesterce", r"hundredfold offers: \[\]\.hourlySpotPrice", MINORITY),
    ("spheron", r"hundredfold offers: data\[\]\.offers\[\]\.spot_price", MINORITY),
    ("thunder", r"hundredfold pricing: pricing\.\w+", MINORITY),
    ("vultr", r"hundredfold plans-metal(: .*)?", MINORITY),
    ("vultr", r"hundredfold plans: plans\[\]\.(hourly_cost_preemptible|location_cost\.\w+\.hourly_cost)", MINORITY),
    ("vultr", r"(missing|renamed|object) plans: plans\[\]\.location_cost(\.\w+)?", f"{LIKELY}: a region without its own prices"),
    (
        "linode",
        r"(list|missing) types: data\[\]\.region_prices(\[\])?",
        f"{LIKELY}: a region without its own prices",
    ),
    ("ovh", r"(list|missing) catalog: addons\[\]\.blobs\.tags(\[\])?", f"{LIKELY}: what is not 'coming_soon' is for sale"),
    ("prime-intellect", r"hundredfold gpus: items\[\]\.prices\.communityPrice", MINORITY),
    (
        "prime-intellect",
        r"null gpus: items\[\]\.(isSpot|prices\.communityPrice|prepaidTime)",
        f"{LIKELY}: in the recording every on-demand row has null there",
    ),
)
"""Source, what was altered (a pattern), and why the price that came of it is let pass. A test looks that each is still needed."""

IN_CHAINS: tuple[tuple[str, str, str], ...] = (
    ("alibaba-spot", r"missing history: SpotPrices\.SpotPriceType\[\]", f"{LIKELY}: the newest price of the history is the one before"),
)
"""The same, of places that only chains reach: there it is the last row that matters."""

FOLDED = {"aquanode", "gpuai", "mithril", "nebula-block", "sesterce", "spheron"}
"""Several rows are one offer, the cheapest of them. If that row cannot be read the next one stands, as if it had not been listed."""


def wrong_prices(first: Accepted, outcome: Outcome) -> dict[str, tuple[Stated | None, Stated]]:
    """What the book states and should not, by offer key: before and after."""
    true = set(first.stated.values())
    return {
        offer_key: (first.stated.get(offer_key), stated)
        for offer_key, stated in outcome.stated.items()
        if (stated != first.stated[offer_key] if offer_key in first.stated else stated not in true)
    }


def let_pass(source: str, done: Sequence[str], wrong: Mapping[str, tuple[Stated | None, Stated]]) -> bool:
    """Whether what came of these alterations is exempt: one of them is, or only dearer rows are left, or too few offers to prove a unit."""
    if any(is_exempt(source, what) for what in done):
        return True
    if any(what.startswith(HUNDREDFOLD) for what in done) and len(wrong) < LEAST_COUNTED:
        return True
    return source in FOLDED and all(was and was[:3] == now[:3] and (was[3] or 0) < (now[3] or 0) for was, now in wrong.values())


def crashes(outcome: Outcome) -> list[str]:
    """Anything but PayloadChanged that the adapter itself raised."""
    return [str(error) for error in outcome.errors if not isinstance(error, PayloadChanged) or "answer cannot be read:" in str(error)]


def polled(first: Accepted, answers: Mapping[str, Asked]) -> Outcome:
    return first.poll(lambda request: answers.get(key(request)))


def with_raw(asked: Asked, raw: bytes) -> Asked:
    return msgspec.structs.replace(asked, raw=raw)


def is_price(source: str, field: str) -> bool:
    return any(field == name or field.endswith(f".{name}") or field.endswith(f"]{name}") for name in PRICES.get(source, ())) or (
        source == "thunder" and field.startswith("pricing.")
    )


def is_exempt(source: str, what: str) -> bool:
    return any(source == exempt and re.fullmatch(pattern, what) for exempt, pattern, _ in EXEMPT + IN_CHAINS)


def in_cents(source: str, pages: Answers) -> dict[str, Asked]:
    """These pages with every price a hundred times what it was."""
    found = {}
    for page, asked in pages.items():
        if asked.request.answer == "json":
            prices = [path for field, paths in fields(asked.raw).items() if is_price(source, field) for path in paths]
            found[page] = with_raw(asked, changed(asked.raw, HUNDREDFOLD, prices))
        else:
            found[page] = with_raw(asked, page_hundredfold(asked.raw.decode(), PAGES[source].thousands).encode())
    return found
