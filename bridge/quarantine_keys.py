"""Redis keys through which quarantine is seen and ordered; apart, so that the command needs nothing else of the bridge."""

HOLDS = "gputicker:quarantine"
"""Hash, source -> the hold as JSON: the fields of bridge.quarantine.Hold, and `folder`."""
ORDERS = "gputicker:quarantine:orders"
"""Hash, source -> {"verb": "accept" | "refuse"}; taken out when it was carried out."""
ANSWERS = "gputicker:quarantine:answers"
"""Hash, source -> what came of the newest order, in a sentence."""
