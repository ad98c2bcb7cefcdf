"""The Java parts: each file of `jars.lock` downloaded, its sha256 verified, and linked into the folder of its set.

`python -m stack.jars` fetches; `python -m stack.jars --lock` resolves WANTED again and rewrites the lock.
The repository is jgo's: Maven Central, or what the user's jgo configuration names.
"""

import argparse
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from stack.paths import INSTALLED, JARS, JARS_LOCK, REGISTRY

if TYPE_CHECKING:
    from jgo.maven import Artifact, MavenContext

# slf4j-simple, because jgo resolves wrong kafka-clients versions when log4j-slf4j2-impl stands beside kafka_2.13.
WANTED = {
    "kafka": ("org.apache.kafka:kafka_2.13:jar::4.3.1", "org.slf4j:slf4j-simple:jar::1.7.36"),
    "registry": ("io.apicurio:apicurio-registry-app:tar.gz:all:3.3.3",),
    "flink": (
        "org.apache.flink:flink-sql-connector-kafka:jar::5.0.0-2.2",
        "org.apache.flink:flink-sql-avro-confluent-registry:jar::2.2.0",
    ),
    "compiler": ("org.eclipse.jdt:ecj:jar::3.42.0",),
}
WITH_DEPENDENCIES = {"kafka"}
DOWNLOADS_AT_ONCE = 4
ATTEMPTS = 3
TIMEOUT_S = 60


class JarsFailed(RuntimeError):
    """A jar could not be fetched, or is not the one that the lock names. The message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked file. `coordinate` is group:artifact:packaging:classifier:version (classifier may be empty)."""

    set: str
    coordinate: str
    sha256: str

    @property
    def filename(self) -> str:
        """The file's name, as the repository has it."""
        _, artifact, packaging, classifier, version = self.coordinate.split(":")
        return f"{artifact}-{version}{'-' + classifier if classifier else ''}.{packaging}"


def read_lock(lock: Path = JARS_LOCK) -> list[Jar]:
    """The lock's lines. Raises JarsFailed where a line is not three words."""
    jars = []
    for number, line in enumerate(lock.read_text().splitlines(), 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 3:
            raise JarsFailed(f"{lock.name}, line {number}: expected `set coordinate sha256`, found {line!r}")
        jars.append(Jar(*words))
    return jars


def fetch() -> None:
    """Download what is missing, verify all of it, fill JARS/<set> and unpack the registry. Raises JarsFailed."""
    context = _context()
    jars = read_lock()
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        files = list(pool.map(lambda jar: _fetch(context, jar), jars))
    for name in WANTED.keys() - {"registry"}:
        _fill(JARS / name, [(jar.filename, file) for jar, file in zip(jars, files, strict=True) if jar.set == name])
    (archive,) = (file for jar, file in zip(jars, files, strict=True) if jar.set == "registry")
    _unpack(archive, REGISTRY)


def write_lock() -> None:
    """Resolve WANTED, download all of it, and write the lock anew."""
    from jgo.maven import Dependency

    context = _context()
    lines = ["# set  group:artifact:packaging:classifier:version  sha256; written by `python -m stack.jars --lock`"]
    for name, coordinates in WANTED.items():
        artifacts = [_artifact(context, text) for text in coordinates]
        if name in WITH_DEPENDENCIES:
            inputs, transitive = context.resolver.resolve([Dependency(artifact) for artifact in artifacts])
            artifacts = [item.artifact for item in (*inputs, *transitive)]
        for artifact in sorted(artifacts, key=str):
            fields = (artifact.groupId, artifact.artifactId, artifact.packaging, artifact.classifier, artifact.version)
            lines.append(f"{name} {':'.join(fields)} {_sha256(artifact.resolve())}")
    JARS_LOCK.write_text("\n".join(lines) + "\n")


def _context() -> "MavenContext":
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext

    repositories = GlobalSettings.load().repositories or None
    return MavenContext(repo_cache=INSTALLED / "maven", remote_repos=repositories, timeout=TIMEOUT_S)


def _artifact(context: "MavenContext", coordinate: str) -> "Artifact":
    group, name, packaging, classifier, version = coordinate.split(":")
    return context.project(group, name).at_version(version).artifact(classifier, packaging)


def _fetch(context: "MavenContext", jar: Jar) -> Path:
    """The file of one line. A half-written or wrong one is deleted and fetched again."""
    artifact = _artifact(context, jar.coordinate)
    reason = ""
    for attempt in range(ATTEMPTS):
        time.sleep(2 * attempt)
        try:
            path = artifact.resolve()
        except (requests.RequestException, RuntimeError, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
            if artifact.cached_path:
                artifact.cached_path.unlink(missing_ok=True)
            continue
        digest = _sha256(path)
        if digest == jar.sha256:
            return path
        reason = f"sha256 is {digest}, the lock says {jar.sha256}"
        path.unlink()
    raise JarsFailed(
        f"{jar.coordinate} could not be fetched: {reason}\n"
        "Is the Maven repository reachable? Another one is set in jgo's configuration (~/.config/jgo.conf, section [repositories])."
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fill(folder: Path, files: list[tuple[str, Path]]) -> None:
    """Make `folder` hold exactly these files, replacing it in one step."""
    fresh = _fresh(folder)
    for name, file in files:
        os.link(file, fresh / name)
    _replace(folder, fresh)


def _unpack(archive: Path, folder: Path) -> None:
    fresh = _fresh(folder)
    with tarfile.open(archive) as tar:
        tar.extractall(fresh, filter="data")
    tops = list(fresh.iterdir())
    root = tops[0] if len(tops) == 1 and tops[0].is_dir() else fresh
    if not (root / "quarkus-run.jar").exists():
        raise JarsFailed(f"{archive.name} holds no quarkus-run.jar: {sorted(p.name for p in root.iterdir())[:10]}")
    _replace(folder, root)
    shutil.rmtree(fresh, ignore_errors=True)


def _fresh(folder: Path) -> Path:
    """An empty folder beside it, to be filled and then renamed; what an interrupted run left there is removed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left)
    return Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))


def _replace(folder: Path, fresh: Path) -> None:
    fresh.chmod(0o755)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def main() -> int:
    """Fetch, or write the lock. Exit code 1 with a sentence where something could not be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", action="store_true", help="resolve again and rewrite jars.lock")
    try:
        write_lock() if parser.parse_args().lock else fetch()
    except JarsFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
