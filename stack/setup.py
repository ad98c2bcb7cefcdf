"""Installs everything into this checkout: three Python environments, the Java parts, the Flink format.

Run with a bare Python 3.11 or 3.12: `python3.11 stack/setup.py`. Standard library only. Each step leaves a stamp, written last, with
the digest of what it was made from: a second run does nothing, an interrupted one goes on with the step it was in.
"""

from __future__ import annotations  # an older Python must get as far as the sentence that says so

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from stack.paths import AIRFLOW_ENV, APP_ENV, FLINK_ENV, FORMAT_JAR, INSTALLED, JARS, JARS_LOCK, REGISTRY, ROOT, STAMPS, python

OLDEST, NEWEST = (3, 11), (3, 12)
LOG = INSTALLED / "setup.log"
LOG_LINES_SHOWN = 25
REQUIREMENTS = ROOT / "requirements"


class StepFailed(Exception):
    """A step's command failed; the message says what to do."""


@dataclass(frozen=True)
class Step:
    """One thing to install. `inputs` are files or folders whose content it depends on; `outputs` must exist afterwards."""

    name: str
    says: str
    inputs: tuple[Path, ...]
    outputs: tuple[Path, ...]
    run: Callable[[], None]
    hint: str
    part: str = ""
    """The part of the stack that alone needs it."""


def main() -> int:
    """Run the steps that are due. Exit code 0, or 1 after a sentence that says which step failed and what to do."""
    parser = argparse.ArgumentParser(description="Installs everything into this checkout.")
    parser.add_argument("--without", default="", metavar="PARTS", help="leave out, separated by commas: airflow, flink")
    without = parser.parse_args().without.split(",")
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        found = _other_python()
        if found:
            os.execv(found, [found, *sys.argv])  # noqa: S606 - the same program under a Python that can
        return _fail(f"Python 3.11 or 3.12 is needed; this is {sys.version.split()[0]}. Set PYTHON, as in `make setup PYTHON=python3.11`.")
    if sys.platform != "linux":
        return _fail(f"Linux is needed; this is {sys.platform}. docker-compose.yml runs the same stack in containers.")
    INSTALLED.mkdir(exist_ok=True)
    with (INSTALLED / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return _fail("another set-up is at work in this folder; wait for it to end.")
        return _run_steps([step for step in STEPS if not step.part or step.part not in without])


def _run_steps(steps: list[Step]) -> int:
    due = [(step, digest) for step in steps if not _is_done(step, digest := _digest(step))]
    began = time.monotonic()
    for number, (step, digest) in enumerate(due, 1):
        try:
            with _progress(f"[{number}/{len(due)}] {step.says}"):
                step.run()
                missing = [str(path) for path in step.outputs if not path.exists()]
                if missing:
                    raise StepFailed(f"it left no {', '.join(missing)}")
        except StepFailed as error:
            return _fail(
                f"set-up failed at: {step.says}\n{error}\n{step.hint}\nThe whole log: {LOG}. `make setup` goes on from this step.".replace(
                    "\n\n", "\n"
                )
            )
        except OSError as error:
            return _fail(f"set-up failed at: {step.says}\n{error}\n`make setup` goes on from this step.")
        _stamp(step).parent.mkdir(exist_ok=True)
        fresh = _stamp(step).with_suffix(".new")
        fresh.write_text(digest)
        fresh.rename(_stamp(step))
    if due:
        sys.stdout.write(f"Installed in {time.monotonic() - began:.0f} s, all of it under {ROOT}.\n")
    return 0


def _is_done(step: Step, digest: str) -> bool:
    stamp = _stamp(step)
    return stamp.exists() and stamp.read_text() == digest and all(path.exists() for path in step.outputs)


def _stamp(step: Step) -> Path:
    return STAMPS / step.name


def _digest(step: Step) -> str:
    """What the step is made from: this checkout's place (environments can't be moved), the Python, the inputs' content."""
    found = hashlib.sha256(f"{ROOT} {sys.version}".encode())
    for path in step.inputs:
        files = sorted(one for one in path.rglob("*") if one.is_file() and "__pycache__" not in one.parts) if path.is_dir() else [path]
        for file in files:
            found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def _app() -> None:
    _make_env(APP_ENV)
    if not (APP_ENV / "bin" / "uv").exists():
        _ensure_pip(APP_ENV)
        with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=INSTALLED) as file:
            file.write(_locked("uv", REQUIREMENTS / "dev.txt"))
            file.flush()
            _run(python(APP_ENV), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", file.name)
    _sync(APP_ENV, REQUIREMENTS / "dev.txt")
    # Without isolation and dependencies: setuptools and all the rest were just installed, by hash.
    _run(_uv(), "pip", "install", "--quiet", "--python", python(APP_ENV), "--no-deps", "--no-build-isolation", "--editable", ROOT)


def _flink() -> None:
    _make_env(FLINK_ENV)
    _sync(FLINK_ENV, REQUIREMENTS / "flink.txt")


def _airflow() -> None:
    _make_env(AIRFLOW_ENV)
    _sync(AIRFLOW_ENV, REQUIREMENTS / "airflow.txt")


def _jars() -> None:
    _run(python(APP_ENV), "-m", "stack.jars")


def _format() -> None:
    _run(python(APP_ENV), "-m", "flink_jobs.build", "--jars", JARS, "--out", FORMAT_JAR)


NETWORK_HINT = "Can this machine reach a Python package index? Another one is set with PIP_INDEX_URL (and UV_DEFAULT_INDEX for uv)."
STEPS = (
    Step(
        "app",
        "Python packages of the app",
        (REQUIREMENTS / "dev.txt", ROOT / "pyproject.toml"),
        (APP_ENV / "bin" / "gputicker",),
        _app,
        NETWORK_HINT,
    ),
    Step("flink", "Flink and its Python", (REQUIREMENTS / "flink.txt",), (python(FLINK_ENV),), _flink, NETWORK_HINT, "flink"),
    Step("airflow", "Airflow", (REQUIREMENTS / "airflow.txt",), (AIRFLOW_ENV / "bin" / "airflow",), _airflow, NETWORK_HINT, "airflow"),
    Step(
        "jars",
        "Kafka, the schema registry, Flink's connectors (from Maven, by sha256)",
        (JARS_LOCK, ROOT / "stack" / "jars.py"),
        (JARS / "kafka", JARS / "flink", JARS / "compiler", REGISTRY / "quarkus-run.jar"),
        _jars,
        "",
    ),
    Step(
        "format",
        "the tolerant Avro format for Flink (compiled here)",
        (ROOT / "flink_jobs" / "build.py", ROOT / "flink_jobs" / "format", JARS_LOCK, REQUIREMENTS / "flink.txt"),
        (FORMAT_JAR,),
        _format,
        "",
        "flink",
    ),
)


def _make_env(env: Path) -> None:
    """A virtual environment whose Python runs and is this one's version; made anew where it isn't."""
    if python(env).exists():
        version = subprocess.run([python(env), "-c", "import sys; print(sys.version)"], capture_output=True, text=True, check=False)
        if version.returncode == 0 and version.stdout.strip() == sys.version:
            return
    shutil.rmtree(env, ignore_errors=True)
    _run(sys.executable, "-m", "venv", *([] if env == APP_ENV else ["--without-pip"]), env)


def _sync(env: Path, requirements: Path) -> None:
    """Exactly the locked packages, by hash: with uv, or with pip where uv can't (an index only pip is set up for)."""
    try:
        _run(_uv(), "pip", "sync", "--quiet", "--require-hashes", "--python", python(env), requirements)
    except StepFailed:
        _ensure_pip(env)
        _run(python(env), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirements)


def _ensure_pip(env: Path) -> None:
    if subprocess.run([python(env), "-m", "pip", "--version"], capture_output=True, check=False).returncode:
        _run(python(env), "-m", "ensurepip")


def _uv() -> Path:
    return APP_ENV / "bin" / "uv"


def _locked(name: str, requirements: Path) -> str:
    """One package's lines of a locked requirements file, hashes included."""
    lines = iter(requirements.read_text().splitlines())
    found = [next((line for line in lines if line.startswith(f"{name}==")), "")]
    while found[-1].endswith("\\"):
        found.append(next(lines))
    if not found[0]:
        raise StepFailed(f"{requirements} holds no {name}")
    return "\n".join(found) + "\n"


def _run(*command: str | Path) -> None:
    """Run a command with its output in the log. Raises StepFailed with the end of that output."""
    with LOG.open("ab") as log:
        log.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        log.flush()
        start = log.tell()
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        with LOG.open("rb") as log:
            log.seek(start)
            said = log.read().decode(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        raise StepFailed("\n".join([f"`{' '.join(map(str, command))}` ended with {code}:", *(f"    {line}" for line in said)]))


@contextlib.contextmanager
def _progress(text: str) -> Iterator[None]:
    """Show what is done and for how long: a ticking line on a terminal, one line at the start and the end elsewhere."""
    began = time.monotonic()
    ticking = sys.stdout.isatty()
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(0.5):
            sys.stdout.write(f"\r{text} … {time.monotonic() - began:.0f} s")
            sys.stdout.flush()

    sys.stdout.write(f"{text} …" + ("" if ticking else "\n"))
    sys.stdout.flush()
    thread = threading.Thread(target=tick, daemon=True)
    if ticking:
        thread.start()
    try:
        yield
    except BaseException:
        ended.set()
        sys.stdout.write("\n" if ticking else "")
        raise
    ended.set()
    if ticking:
        thread.join()
    sys.stdout.write(f"{chr(13) if ticking else ''}{text}: {time.monotonic() - began:.1f} s\n")
    sys.stdout.flush()


def _other_python() -> str | None:
    """A Python on PATH that can, if this one can't."""
    return next((found for minor in (11, 12) if (found := shutil.which(f"python3.{minor}"))), None)


def _fail(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted; `make setup` goes on from here.\n")
        sys.exit(130)
