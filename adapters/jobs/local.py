"""Jobs as local processes: the smallest real backend. It rents nothing; its cost is the price a job was submitted with, times wall time."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec

from adapters.errors import JobRejected, NotYetDone, Transient
from adapters.jobs import local_runner
from adapters.jobs.backend import CanRunJobs, CostInfo, GpuSpec, JobConfig, JobResult, JobStatus, cost_usd

RUNNER = str(Path(local_runner.__file__).absolute())
START_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 5.0
JOB_ID_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")

log = logging.getLogger(__name__)

T = TypeVar("T")


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """`job.json`."""

    config: JobConfig
    submitted_at: datetime


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """`process.json`: which process keeps the job. A pid alone may have been given to another since."""

    pid: int
    start_ticks: int
    boot_id: str
    started_at: datetime


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """`result.json`."""

    status: JobStatus
    exit_code: int | None
    reason: str | None
    ended_at: datetime
    wall_time_s: float


class LocalProcessBackend(CanRunJobs):
    """Runs each job as a process of this machine, in a folder `folder/JOB_ID` that any later process may read.

    It has no GPU of its own unless nvidia-smi lists one, and starts jobs all the same: it shows the life of a job, not its speed.
    """

    backend = "local"

    gpus: ClassVar[Mapping[str, str]] = {
        "NVIDIA H200": "H200-SXM-141",
        "NVIDIA H100 80GB HBM3": "H100-SXM-80",
        "NVIDIA H100 PCIe": "H100-PCIE-80",
        "NVIDIA A100-SXM4-80GB": "A100-SXM-80",
        "NVIDIA A100-SXM4-40GB": "A100-SXM-40",
        "NVIDIA A100 80GB PCIe": "A100-PCIE-80",
        "NVIDIA A100-PCIE-40GB": "A100-PCIE-40",
    }
    """nvidia-smi's name -> canonical GPU id. A card that is not here is left out with a warning, not guessed."""

    def __init__(self, folder: Path, grace_s: float = 5.0) -> None:
        """`grace_s`: time between SIGTERM and SIGKILL for a job that must end."""
        self._folder = folder
        self._grace_s = grace_s

    async def submit_job(self, config: JobConfig) -> JobResult:
        """See CanRunJobs. Returns once the job's keeper runs, which takes some tens of milliseconds."""
        return await asyncio.to_thread(self._submit, config)

    async def get_job_status(self, job_id: str) -> JobResult:
        """See CanRunJobs. A job whose keeper vanished without a word has failed, at its last sign of life."""
        return await asyncio.to_thread(self._status, job_id)

    async def get_job_logs(self, job_id: str, tail_lines: int | None = None) -> str:
        """See CanRunJobs."""
        return await asyncio.to_thread(self._logs, job_id, tail_lines)

    async def cancel_job(self, job_id: str) -> None:
        """See CanRunJobs. The command gets SIGTERM, and SIGKILL after the time of grace."""
        await asyncio.to_thread(self._cancel, job_id)

    async def get_cost_info(self, job_id: str) -> CostInfo:
        """See CanRunJobs."""
        return await asyncio.to_thread(self._cost, job_id)

    async def list_available_gpus(self) -> tuple[GpuSpec, ...]:
        """The cards that nvidia-smi lists; empty where there is none."""
        return await asyncio.to_thread(self._cards)

    async def health_check(self) -> None:
        """Raises Transient where a job's folder cannot be written."""
        await asyncio.to_thread(self._probe)

    def _submit(self, config: JobConfig) -> JobResult:
        folder = self._job_folder(config.job_id)
        check_config(config)
        if not self._claim(folder, config):
            standing = self._read(config.job_id).config
            if standing.command != config.command or standing.env != config.env:
                raise JobRejected(f"local: job_id {config.job_id} stands for another job already")
            return self._status(config.job_id)
        command = [sys.executable, "-I", "-S", RUNNER, str(folder), str(self._grace_s)]
        with (folder / "runner.log").open("wb") as errors:
            try:
                subprocess.run(
                    command, env={}, cwd="/", stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, timeout=START_TIMEOUT_S, check=True
                )
            except (OSError, subprocess.SubprocessError) as error:
                self._give_up(folder, f"its runner did not start: {type(error).__name__}", datetime.now(UTC), 0.0)
                raise Transient(f"local: job {config.job_id}: its runner did not start, see runner.log in its folder") from error
        return self._status(config.job_id)

    def _claim(self, folder: Path, config: JobConfig) -> bool:
        """Make the job's folder, whole, unless it stands already."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        (draft / "work").mkdir()
        submitted = Submitted(config=config, submitted_at=datetime.now(UTC))
        local_runner.write_json(draft / "job.json", msgspec.to_builtins(submitted))
        try:
            draft.rename(folder)
        except OSError:
            shutil.rmtree(draft)
            if folder.is_dir():
                return False
            raise
        return True

    def _status(self, job_id: str) -> JobResult:
        submitted = self._read(job_id)
        folder = self._job_folder(job_id)
        ending = self._ending(folder, submitted)
        process = read(folder / "process.json", Process)
        return JobResult(
            job_id=job_id,
            backend=self.backend,
            status=ending.status if ending else JobStatus.RUNNING if process else JobStatus.PENDING,
            submitted_at=submitted.submitted_at,
            started_at=process.started_at if process else None,
            ended_at=ending.ended_at if ending else None,
            exit_code=ending.exit_code if ending else None,
            reason=ending.reason if ending else None,
        )

    def _ending(self, folder: Path, submitted: Submitted) -> Ending | None:
        """How the job ended, or None while it lives. Says so for a keeper that can't any more."""
        process = read(folder / "process.json", Process)
        lives = process is not None and is_alive(process)
        ending = read(folder / "result.json", Ending)  # After the look at the process, which writes this before it goes.
        if ending is not None or lives:
            return ending
        if process is None:
            if (datetime.now(UTC) - submitted.submitted_at).total_seconds() < START_TIMEOUT_S:
                return None
            self._give_up(folder, "it was never started", submitted.submitted_at, 0.0)
        else:
            kill_session(process)
            output = folder / "output.log"
            last_sign = datetime.fromtimestamp(output.stat().st_mtime, UTC) if output.exists() else process.started_at
            ended_at = max(last_sign, process.started_at)
            reason = "its runner is gone without a result: killed, or the machine was restarted"
            self._give_up(folder, reason, ended_at, (ended_at - process.started_at).total_seconds())
        return read(folder / "result.json", Ending)

    def _give_up(self, folder: Path, reason: str, ended_at: datetime, wall_time_s: float) -> None:
        status = JobStatus.CANCELLED if (folder / "cancel").exists() else JobStatus.FAILED
        ending = Ending(status=status, exit_code=None, reason=reason, ended_at=ended_at, wall_time_s=wall_time_s)
        local_runner.write_json(folder / "result.json", msgspec.to_builtins(ending))

    def _logs(self, job_id: str, tail_lines: int | None) -> str:
        result = self._status(job_id)
        output = self._job_folder(job_id) / "output.log"
        if not output.exists():
            if result.status.is_final:
                return ""
            raise NotYetDone(f"local: job {job_id} has not started yet")
        text = output.read_text(encoding="utf-8", errors="replace")
        return text if tail_lines is None else "".join(text.splitlines(keepends=True)[-tail_lines:] if tail_lines > 0 else [])

    def _cancel(self, job_id: str) -> None:
        folder = self._job_folder(job_id)
        if not folder.is_dir() or read(folder / "result.json", Ending) is not None:
            return
        # The marker first, then the look at the process: a keeper that starts between the two sees the marker.
        (folder / "cancel").touch()
        process = read(folder / "process.json", Process)
        if process is not None:
            send_signal(process, signal.SIGTERM)

    def _cost(self, job_id: str) -> CostInfo:
        submitted = self._read(job_id)
        result = self._status(job_id)
        ending = read(self._job_folder(job_id) / "result.json", Ending)
        if ending is None and result.started_at is None:
            raise NotYetDone(f"local: job {job_id} has not started yet")
        if ending is not None:
            wall_time_s = ending.wall_time_s
        else:
            wall_time_s = (datetime.now(UTC) - (result.started_at or result.submitted_at)).total_seconds()
        price, gpus = submitted.config.usd_per_gpu_hour, submitted.config.billed_gpus
        return CostInfo(
            job_id=job_id,
            billed_gpus=gpus,
            usd_per_gpu_hour=price,
            wall_time_s=wall_time_s,
            cost_usd=None if price is None else cost_usd(price, gpus, wall_time_s),
            is_final=ending is not None,
        )

    def _cards(self) -> tuple[GpuSpec, ...]:
        program = shutil.which("nvidia-smi")
        if program is None:
            return ()
        asked = [program, "--query-gpu=name", "--format=csv,noheader"]
        try:
            answer = subprocess.run(asked, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise Transient(f"local: nvidia-smi did not answer: {type(error).__name__}") from error
        cards = Counter(line.strip() for line in answer.stdout.splitlines() if line.strip())
        for name in cards.keys() - self.gpus.keys():
            log.warning("local: nvidia-smi lists %r, which is not in the table of GPUs: left out", name)
        return tuple(GpuSpec(gpu=self.gpus[name], count=count) for name, count in cards.items() if name in self.gpus)

    def _probe(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(b"1")
        except OSError as error:
            raise Transient(f"local: the jobs' folder cannot be written: {error.strerror}") from error

    def _job_folder(self, job_id: str) -> Path:
        if not job_id or job_id.startswith(".") or not JOB_ID_CHARACTERS.issuperset(job_id):
            raise JobRejected(f"local: job_id {job_id!r}: only letters, digits, '-', '_' and '.', not first")
        return self._folder / job_id

    def _read(self, job_id: str) -> Submitted:
        submitted = read(self._job_folder(job_id) / "job.json", Submitted)
        if submitted is None:
            raise JobRejected(f"local: there is no job {job_id}")
        return submitted


def check_config(config: JobConfig) -> None:
    """Raises JobRejected, naming the field, for a job that could never run."""
    if not config.command or not config.command[0]:
        raise JobRejected("local: command: there is none")
    if config.time_limit_s <= 0:
        raise JobRejected(f"local: time_limit_s: {config.time_limit_s:g} is not a time to run for")
    if config.gpu.count < 1 or config.billed_gpus < 1:
        raise JobRejected("local: count: a job needs at least one GPU")
    if config.usd_per_gpu_hour is not None and not (config.usd_per_gpu_hour.is_finite() and config.usd_per_gpu_hour > Decimal(0)):
        raise JobRejected(f"local: usd_per_gpu_hour: {config.usd_per_gpu_hour} is no price")
    if config.working_dir is not None and not Path(config.working_dir).is_dir():
        raise JobRejected(f"local: working_dir: {config.working_dir} is no folder")


def read(path: Path, kind: type[T]) -> T | None:
    """A JSON file as `kind`, or None where it isn't there."""
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return None
    return msgspec.json.decode(body, type=kind)


def is_alive(process: Process) -> bool:
    """The very process still runs: same boot, same pid, same start."""
    if process.boot_id != local_runner.boot_id():
        return False
    try:
        return local_runner.start_ticks(process.pid) == process.start_ticks and local_runner.stat_fields(process.pid)[0] not in "ZX"
    except OSError:
        return False


def send_signal(process: Process, number: signal.Signals) -> None:
    """Signal the very process, or nothing where it is gone."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    try:
        # Looked at after the descriptor was taken: from here on a reused pid would be another descriptor.
        if is_alive(process):
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def kill_session(process: Process) -> None:
    """Kill what is left of a vanished keeper's session (its command dies with it, that command's children need not)."""
    if process.boot_id != local_runner.boot_id():
        return
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            session = int(local_runner.stat_fields(int(entry.name))[3])
            if session == process.pid and local_runner.start_ticks(int(entry.name)) >= process.start_ticks:
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue  # It went while we looked.
