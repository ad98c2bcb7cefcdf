"""Python's collector of cycles, for a run of thousands of tests over one large heap.

Every full collection walks all that the run keeps (each collected test, each source's compiled bodies: two million objects), which took a
third of the time of tests/sim. What is there when the tests begin is kept to the end anyway, so it is walked no more; and garbage is looked
for when there is some. It is looked for all the same: what was not closed still fails a test.
"""

import gc

COLLECT_AT = (50_000, 20, 20)


def pytest_collection_finish() -> None:
    """Everything is imported and every test is known."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AT)
