"""Every provider's wire format: a module each where it is odd, an entry in `sim.wire.facts` where it is not."""

from sim.exchange import Wire
from sim.wire.azure import AzureWire
from sim.wire.facts import written_wires
from sim.wire.lambda_cloud import LambdaWire
from sim.wire.runpod import RunPodWire
from sim.wire.scaleway import ScalewayWire
from sim.wire.vast import VastWire
from sim.wire.verda import VerdaWire


def all_wires() -> list[Wire]:
    """One of each, by provider in order."""
    wires: list[Wire] = [AzureWire(), LambdaWire(), RunPodWire(), ScalewayWire(), VastWire(), VerdaWire(), *written_wires()]
    return sorted(wires, key=lambda wire: wire.provider)
