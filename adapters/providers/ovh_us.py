"""OVHcloud US: GPU instances by the hour, of the American company's catalogue. https://api.us.ovhcloud.com/console/

In USD; fewer GPUs than the European one has. How a catalogue is read, and what is left out, says adapters/families/ovhcloud.py.
"""

from adapters.families.ovhcloud import OvhCatalogue


class OvhUs(OvhCatalogue):
    source = "ovh-us"
    title = "OVHcloud US"
    base_url = "https://api.us.ovhcloud.com"
    currency = "USD-8"
    subsidiary = "US"
