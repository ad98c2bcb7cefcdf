"""What is known of Amazon EC2 itself, for the sources that read its prices: which GPUs an instance type has, and where its regions are.

Neither price list names a GPU. https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html (and the announcements of G7, G7e and P6)
"""

from typing import NamedTuple

# GPU -> instance types with how many of it (a slice of a GPU is an id of its own). Of G7, sizes on which sources disagree are left out
# (g7.8xlarge: one GPU or two; g7.12xlarge: two or four): they go to the review list.
SIZES = {
    "K80-PCIE-12": "p2.xlarge:1 p2.8xlarge:8 p2.16xlarge:16",
    "K520-PCIE-4": "g2.2xlarge:1 g2.8xlarge:4",
    "M60-PCIE-8": "g3s.xlarge:1 g3.4xlarge:1 g3.8xlarge:2 g3.16xlarge:4",
    "V100-SXM-16": "p3.2xlarge:1 p3.8xlarge:4 p3.16xlarge:8",
    "V100-SXM-32": "p3dn.24xlarge:8",
    "A100-SXM-40": "p4d.24xlarge:8",
    "A100-SXM-80": "p4de.24xlarge:8",
    "H100-SXM-80": "p5.4xlarge:1 p5.48xlarge:8",
    "H200-SXM-141": "p5e.48xlarge:8 p5en.48xlarge:8",
    "B200-SXM-180": "p6-b200.48xlarge:8",
    "B300-SXM-288": "p6-b300.48xlarge:8",
    "GB200-SUPERCHIP-186": "p6e-gb200.36xlarge:4",
    "V520-PCIE-8": "g4ad.xlarge:1 g4ad.2xlarge:1 g4ad.4xlarge:1 g4ad.8xlarge:2 g4ad.16xlarge:4",
    "T4-PCIE-16": ("g4dn.xlarge:1 g4dn.2xlarge:1 g4dn.4xlarge:1 g4dn.8xlarge:1 g4dn.16xlarge:1 g4dn.12xlarge:4 g4dn.metal:8"),
    "T4G-PCIE-16": "g5g.xlarge:1 g5g.2xlarge:1 g5g.4xlarge:1 g5g.8xlarge:1 g5g.16xlarge:2 g5g.metal:2",
    "A10G-PCIE-24": ("g5.xlarge:1 g5.2xlarge:1 g5.4xlarge:1 g5.8xlarge:1 g5.16xlarge:1 g5.12xlarge:4 g5.24xlarge:4 g5.48xlarge:8"),
    "L4-PCIE-24": (
        "g6.xlarge:1 g6.2xlarge:1 g6.4xlarge:1 g6.8xlarge:1 g6.16xlarge:1 g6.12xlarge:4 g6.24xlarge:4 g6.48xlarge:8 "
        "gr6.4xlarge:1 gr6.8xlarge:1"
    ),
    "L4-PCIE-24-1of8": "g6f.large:1 g6f.xlarge:1",
    "L4-PCIE-24-1of4": "g6f.2xlarge:1",
    "L4-PCIE-24-1of2": "g6f.4xlarge:1 gr6f.4xlarge:1",
    "L40S-PCIE-48": ("g6e.xlarge:1 g6e.2xlarge:1 g6e.4xlarge:1 g6e.8xlarge:1 g6e.16xlarge:1 g6e.12xlarge:4 g6e.24xlarge:4 g6e.48xlarge:8"),
    "RTXPRO4500SE-PCIE-32": "g7.2xlarge:1 g7.4xlarge:1 g7.24xlarge:4 g7.48xlarge:8",
    "RTXPRO6000SE-PCIE-96": "g7e.2xlarge:1 g7e.4xlarge:1 g7e.8xlarge:1 g7e.12xlarge:2 g7e.24xlarge:4 g7e.48xlarge:8",
}


class Size(NamedTuple):
    gpu: str
    gpus: int


def _types() -> dict[str, Size]:
    pairs = ((gpu, *size.split(":")) for gpu, sizes in SIZES.items() for size in sizes.split())
    return {name: Size(gpu, int(gpus)) for gpu, name, gpus in pairs}


TYPES = _types()
"""Every instance type with GPUs."""

GPUS_OF_TYPES = {name: size.gpu for name, size in TYPES.items()}
FAMILIES = tuple(sorted({name.partition(".")[0] for name in TYPES}))


class Region(NamedTuple):
    country: str
    location: str
    """Its name in price lists."""


REGIONS = {
    "us-east-1": Region("US", "US East (N. Virginia)"),
    "us-east-2": Region("US", "US East (Ohio)"),
    "us-west-1": Region("US", "US West (N. California)"),
    "us-west-2": Region("US", "US West (Oregon)"),
    "ca-central-1": Region("CA", "Canada (Central)"),
    "sa-east-1": Region("BR", "South America (Sao Paulo)"),
    "eu-west-1": Region("IE", "EU (Ireland)"),
    "eu-west-2": Region("GB", "EU (London)"),
    "eu-west-3": Region("FR", "EU (Paris)"),
    "eu-central-1": Region("DE", "EU (Frankfurt)"),
    "eu-north-1": Region("SE", "EU (Stockholm)"),
    "ap-south-1": Region("IN", "Asia Pacific (Mumbai)"),
    "ap-northeast-1": Region("JP", "Asia Pacific (Tokyo)"),
    "ap-northeast-2": Region("KR", "Asia Pacific (Seoul)"),
    "ap-northeast-3": Region("JP", "Asia Pacific (Osaka)"),
    "ap-southeast-1": Region("SG", "Asia Pacific (Singapore)"),
    "ap-southeast-2": Region("AU", "Asia Pacific (Sydney)"),
}
"""Those that every account may use."""

OPT_IN_REGIONS = {
    "ca-west-1": Region("CA", "Canada West (Calgary)"),
    "eu-south-1": Region("IT", "EU (Milan)"),
    "eu-south-2": Region("ES", "Europe (Spain)"),
    "eu-central-2": Region("CH", "Europe (Zurich)"),
    "ap-south-2": Region("IN", "Asia Pacific (Hyderabad)"),
    "ap-southeast-3": Region("ID", "Asia Pacific (Jakarta)"),
    "ap-southeast-4": Region("AU", "Asia Pacific (Melbourne)"),
    "ap-southeast-5": Region("MY", "Asia Pacific (Malaysia)"),
    "ap-east-1": Region("HK", "Asia Pacific (Hong Kong)"),
    "me-south-1": Region("BH", "Middle East (Bahrain)"),
    "me-central-1": Region("AE", "Middle East (UAE)"),
    "il-central-1": Region("IL", "Israel (Tel Aviv)"),
    "af-south-1": Region("ZA", "Africa (Cape Town)"),
}
"""Those that an account must ask for: their prices are public, their API is not open to every key. Regions that rented no GPU in the spot
advisor's file of 2025-06 (ap-east-2, ap-southeast-7, mx-central-1), and those that came after it, are not asked."""

US_CITIES = "atl bos chi den dfw hnl iah las lax mci mia msp nyc pdx phl phx sea"
ABROAD = "bue:AR lim:PE qro:MX scl:CL ham:DE waw:PL cph:DK hel:FI ccu:IN del:IN bkk:TH mnl:PH akl:NZ per:AU tpe:TW los:NG mct:OM"
LOCAL_ZONES = dict.fromkeys(US_CITIES.split(), "US") | dict(pair.split(":") for pair in ABROAD.split())
"""City of a local zone -> its country, which may be another than its region's. https://aws.amazon.com/about-aws/global-infrastructure/localzones/locations/"""


def country_of(zone: str, region: str) -> str | None:
    """Where a zone is: `us-east-1a` where its region is, `us-east-1-bue-1a` in Argentina; None for a city that isn't known."""
    city = zone.removeprefix(region).split("-")
    return REGIONS[region].country if len(city) == 1 else LOCAL_ZONES.get(city[1])
