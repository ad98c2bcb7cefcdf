"""What a poll came to: per slice, and as a whole."""

import msgspec

from adapters.errors import PayloadChanged, ProviderError
from adapters.fetch.client import SliceAnswer
from adapters.models import Rejected
from bridge.reading import Reading
from bridge.shapes import Shape
from bridge.source import HealthRecord


class Withheld(PayloadChanged):
    """What was read is not taken, because its source is held in quarantine."""


class Distrusted(Withheld):
    """The answer with which a source came into quarantine: said once, where everyone hears it."""


class SliceResult(msgspec.Struct, kw_only=True):
    """What asking one slice came to: `reading` and `answer`, or `error` (then `answer` where there was one)."""

    slice: str
    observed_at_ms: int
    reading: Reading | None = None
    answer: SliceAnswer | None = None
    error: ProviderError | None = None
    shape: Shape | None = None
    """What the answer looks like; None where it is the one that was accepted last."""

    @property
    def unread(self) -> bool:
        """Whether an answer came, whole, and could not be read."""
        return self.answer is not None and self.reading is None and isinstance(self.error, PayloadChanged)

    @property
    def withheld(self) -> bool:
        """Whether quarantine keeps what was read."""
        return isinstance(self.error, Withheld)


class PollResult(msgspec.Struct, kw_only=True):
    """What one poll came to."""

    source: str
    health: HealthRecord
    slices: list[SliceResult]

    @property
    def rejected(self) -> list[Rejected]:
        """Rows that could not be read, also of the slices that were refused because of them."""
        rejected: list[Rejected] = []
        for part in self.slices:
            if part.reading is not None:
                rejected += part.reading.rejected
            elif isinstance(part.error, PayloadChanged):
                rejected += part.error.rejected
        return rejected
