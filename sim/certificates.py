"""The simulated market's TLS certificate: made once, verified by its clients through ca.pem."""

from pathlib import Path
from typing import NamedTuple

import trustme

NAMES = ("localhost", "127.0.0.1", "sim")
"""`sim` is its name in docker-compose.yml."""


class Certificates(NamedTuple):
    ca: Path
    server: Path
    server_key: Path


def certificates(folder: Path) -> Certificates:
    """The files in `folder`, made where they aren't there. The authority's private key is not kept, so it can sign nothing else."""
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    if all(file.is_file() for file in files):
        return files
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="gputicker simulated market")
    server = authority.issue_cert(*NAMES)
    files.server_key.unlink(missing_ok=True)
    files.server_key.touch(mode=0o600)
    server.private_key_pem.write_to_path(str(files.server_key))
    files.server.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    # Last, because a client may wait for this file.
    authority.cert_pem.write_to_path(str(files.ca))
    return files
