"""OVHcloud: GPU instances by the hour, of the European catalogue. https://api.ovh.com/console/#/order/catalog/public/cloud

In EUR and without VAT. How a catalogue is read, and what is left out, says adapters/families/ovhcloud.py.
"""

from adapters.families.ovhcloud import OvhCatalogue


class Ovh(OvhCatalogue):
    source = "ovh"
    title = "OVHcloud"
    base_url = "https://api.ovh.com"
    currency = "EUR-8"
    subsidiary = "FR"
