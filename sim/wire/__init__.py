"""Every provider's wire format. One module each; `all_wires` makes one of each."""

from sim.exchange import Wire
from sim.wire.azure import AzureWire
from sim.wire.lambda_cloud import LambdaWire
from sim.wire.runpod import RunPodWire
from sim.wire.scaleway import ScalewayWire
from sim.wire.vast import VastWire
from sim.wire.verda import VerdaWire


def all_wires() -> list[Wire]:
    """One of each, by provider in order."""
    return [AzureWire(), LambdaWire(), RunPodWire(), ScalewayWire(), VastWire(), VerdaWire()]
