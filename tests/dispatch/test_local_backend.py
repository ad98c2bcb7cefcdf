"""The local-process backend: real processes, real signals."""

import asyncio
import os
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from adapters.errors import JobRejected, NotYetDone, Transient
from adapters.jobs import local_runner
from adapters.jobs.backend import CanRunJobs, GpuSpec, JobConfig, JobStatus
from adapters.jobs.local import RUNNER, LocalProcessBackend, Process, is_alive
from tests.dispatch.jobs import ended, job, until, wrote


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "jobs"


@pytest.fixture
def backend(folder: Path) -> LocalProcessBackend:
    return LocalProcessBackend(folder)


def keeper_of(folder: Path, job_id: str) -> Process:
    return msgspec.json.decode((folder / job_id / "process.json").read_bytes(), type=Process)


def spoil(folder: Path) -> None:
    folder.rmdir()
    folder.write_text("a file where the folder should be")


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and local_runner.stat_fields(pid)[0] not in "ZX"


async def test_a_job_runs_to_its_end_and_costs_its_time(backend: CanRunJobs) -> None:
    result = await backend.submit_job(job("one", "echo hello; echo problem >&2", billed_gpus=2))
    assert result.status in (JobStatus.RUNNING, JobStatus.DONE)
    assert result.backend == "local"

    result = await ended(backend, "one")

    assert (result.status, result.exit_code, result.reason) == (JobStatus.DONE, 0, None)
    assert result.started_at is not None
    assert result.ended_at is not None
    assert result.submitted_at <= result.started_at <= result.ended_at
    assert await backend.get_job_logs("one") == "hello\nproblem\n"
    cost = await backend.get_cost_info("one")
    assert cost.is_final
    assert cost.cost_usd is not None
    assert cost.cost_usd == (Decimal(cost.wall_time_s) * 2 / 1000).quantize(Decimal("0.000001"))
    assert await backend.get_cost_info("one") == cost


async def test_a_failing_command_fails_with_its_exit_code(backend: CanRunJobs) -> None:
    await backend.submit_job(job("bad", "exit 3"))
    result = await ended(backend, "bad")
    assert (result.status, result.exit_code, result.reason) == (JobStatus.FAILED, 3, "exit code 3")


async def test_a_killed_command_names_the_signal(backend: CanRunJobs) -> None:
    await backend.submit_job(job("killed", "kill -SEGV $$"))
    result = await ended(backend, "killed")
    assert (result.status, result.exit_code, result.reason) == (JobStatus.FAILED, 139, "killed by SIGSEGV")


async def test_a_command_that_is_not_there_fails_with_a_reason(backend: CanRunJobs) -> None:
    await backend.submit_job(job("lost", "", command=("no-such-program-here",)))
    result = await ended(backend, "lost")
    assert (result.status, result.exit_code) == (JobStatus.FAILED, 127)
    assert result.reason == "no-such-program-here could not be started: No such file or directory"


async def test_the_job_sees_only_the_environment_it_declares(backend: CanRunJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPUTICKER_LAMBDA_API_KEY", "secret-of-the-submitter")
    await backend.submit_job(job("env", "", command=("/usr/bin/env",), env={"SEEN": "yes"}))
    await ended(backend, "env")
    assert await backend.get_job_logs("env") == "SEEN=yes\n"


async def test_the_job_starts_in_a_folder_of_its_own_or_the_one_it_names(backend: CanRunJobs, folder: Path, tmp_path: Path) -> None:
    await backend.submit_job(job("own", "pwd; ls -A"))
    await backend.submit_job(job("named", "pwd", working_dir=str(tmp_path)))
    await ended(backend, "own")
    await ended(backend, "named")
    assert await backend.get_job_logs("own") == f"{folder}/own/work\n"
    assert await backend.get_job_logs("named") == f"{tmp_path}\n"


async def test_what_a_job_declares_is_for_its_owners_eyes_only(backend: CanRunJobs, folder: Path) -> None:
    await backend.submit_job(job("secret", "true", env={"TOKEN": "hush"}))
    await ended(backend, "secret")
    assert (folder / "secret").stat().st_mode & 0o077 == 0
    assert (folder / "secret" / "job.json").stat().st_mode & 0o077 == 0


async def test_cancelling_ends_the_job_and_is_success_again_and_again(backend: CanRunJobs) -> None:
    await backend.submit_job(job("long", "echo begun; exec sleep 1000"))
    await wrote(backend, "long", "begun")
    await backend.cancel_job("long")
    await backend.cancel_job("long")
    result = await ended(backend, "long")
    assert (result.status, result.exit_code, result.reason) == (JobStatus.CANCELLED, None, "cancelled")
    await backend.cancel_job("long")
    assert await backend.get_job_status("long") == result


async def test_cancelling_what_was_never_there_or_has_ended_changes_nothing(backend: CanRunJobs) -> None:
    await backend.cancel_job("never")
    with pytest.raises(JobRejected, match="there is no job never"):
        await backend.get_job_status("never")
    await backend.submit_job(job("done", "true"))
    result = await ended(backend, "done")
    await backend.cancel_job("done")
    assert await backend.get_job_status("done") == result


async def test_a_job_that_ignores_sigterm_is_killed(folder: Path) -> None:
    backend = LocalProcessBackend(folder, grace_s=0.1)
    await backend.submit_job(job("stubborn", "trap '' TERM; echo begun; while :; do sleep 0.05; done"))
    await wrote(backend, "stubborn", "begun")
    await backend.cancel_job("stubborn")
    assert (await ended(backend, "stubborn")).status is JobStatus.CANCELLED


async def test_the_time_limit_ends_the_job(backend: CanRunJobs) -> None:
    await backend.submit_job(job("slow", "echo begun; exec sleep 1000", time_limit_s=0.3))
    result = await ended(backend, "slow")
    assert (result.status, result.exit_code, result.reason) == (JobStatus.FAILED, None, "time limit of 0.3 s reached")
    assert 0.3 <= (await backend.get_cost_info("slow")).wall_time_s < 10


async def test_nothing_that_a_job_started_outlives_it(backend: CanRunJobs) -> None:
    """Not even what left its session and lost its parent."""
    await backend.submit_job(job("parent", "(setsid sleep 1000 & echo $!) ; sleep 1000 & echo $!; sleep 0.1"))
    result = await ended(backend, "parent")
    assert result.status is JobStatus.DONE
    pids = [int(line) for line in (await backend.get_job_logs("parent")).split()]
    assert len(pids) == 2
    assert not any(exists(pid) for pid in pids)


async def test_logs_grow_while_the_job_runs_and_have_a_tail(backend: CanRunJobs, tmp_path: Path) -> None:
    await backend.submit_job(job("talk", f"echo 1; echo 2; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo 3"))
    await wrote(backend, "talk", "2\n")
    assert (await backend.get_job_status("talk")).status is JobStatus.RUNNING
    cost = await backend.get_cost_info("talk")
    assert not cost.is_final
    (tmp_path / "go").touch()
    await ended(backend, "talk")
    assert await backend.get_job_logs("talk") == "1\n2\n3\n"
    assert await backend.get_job_logs("talk", tail_lines=2) == "2\n3\n"
    assert await backend.get_job_logs("talk", tail_lines=0) == ""


async def test_the_job_outlives_its_submitter_and_another_process_sees_it(backend: CanRunJobs, folder: Path, tmp_path: Path) -> None:
    script = f"""
import asyncio, os
from pathlib import Path
from adapters.jobs.local import LocalProcessBackend
from tests.dispatch.jobs import job
waiting = "echo begun; while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; echo over"
asyncio.run(LocalProcessBackend(Path({str(folder)!r})).submit_job(job("heir", waiting)))
os.kill(os.getpid(), 9)
"""
    submitter = await asyncio.create_subprocess_exec(sys.executable, "-c", script, cwd=Path(__file__).parents[2])
    assert await submitter.wait() == -signal.SIGKILL
    assert (await backend.get_job_status("heir")).status is JobStatus.RUNNING
    (tmp_path / "go").touch()
    assert (await ended(backend, "heir")).status is JobStatus.DONE
    assert await backend.get_job_logs("heir") == "begun\nover\n"


async def test_submitting_the_same_id_again_is_the_same_job(backend: CanRunJobs, tmp_path: Path) -> None:
    config = job("once", f"echo ran >> {tmp_path}/runs")
    await asyncio.gather(*(backend.submit_job(config) for _ in range(4)))
    await ended(backend, "once")
    await backend.submit_job(config)
    assert (tmp_path / "runs").read_text() == "ran\n"
    with pytest.raises(JobRejected, match="stands for another job"):
        await backend.submit_job(job("once", "echo something else"))


async def test_a_job_whose_keeper_was_killed_has_failed_and_leaves_nothing(backend: CanRunJobs, folder: Path) -> None:
    await backend.submit_job(job("orphan", "sleep 1000 & echo $!; echo $$; wait"))
    await until(lambda: (folder / "orphan" / "output.log").read_text().count("\n") == 2, "both pids")
    pids = [int(line) for line in (await backend.get_job_logs("orphan")).split()]
    os.kill(keeper_of(folder, "orphan").pid, signal.SIGKILL)
    result = await ended(backend, "orphan")
    assert result.status is JobStatus.FAILED
    assert result.reason == "its runner is gone without a result: killed, or the machine was restarted"
    await until(lambda: not any(exists(pid) for pid in pids), "the job's processes are gone")
    assert await backend.get_job_status("orphan") == result


async def test_a_reused_pid_is_not_taken_for_the_job(backend: CanRunJobs, folder: Path) -> None:
    await backend.submit_job(job("old", "exec sleep 1000"))
    keeper = keeper_of(folder, "old")
    assert is_alive(keeper)
    os.kill(keeper.pid, signal.SIGKILL)
    await until(lambda: not is_alive(keeper), "the keeper is gone")
    bystander = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        reused = msgspec.structs.replace(keeper, pid=bystander.pid)
        (folder / "old" / "process.json").write_bytes(msgspec.json.encode(reused))
        await backend.cancel_job("old")
        result = await backend.get_job_status("old")
        assert result.status is JobStatus.CANCELLED
        assert bystander.returncode is None
        assert exists(bystander.pid)
    finally:
        bystander.kill()
        await bystander.wait()


async def test_a_restart_of_the_machine_ends_the_job(backend: CanRunJobs, folder: Path) -> None:
    await backend.submit_job(job("before", "exec sleep 1000"))
    keeper = keeper_of(folder, "before")
    (folder / "before" / "process.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(keeper, boot_id="another boot")))
    assert (await backend.get_job_status("before")).status is JobStatus.FAILED
    os.kill(keeper.pid, signal.SIGTERM)
    await until(lambda: not is_alive(keeper), "the keeper is gone")


async def test_a_job_that_was_not_started_yet_says_so(backend: CanRunJobs, folder: Path) -> None:
    """As another process sees it between the claim of the id and the start of the keeper."""
    await backend.submit_job(job("young", "true"))
    await ended(backend, "young")
    for name in ("process.json", "result.json", "output.log"):
        (folder / "young" / name).unlink()
    assert (await backend.get_job_status("young")).status is JobStatus.PENDING
    with pytest.raises(NotYetDone):
        await backend.get_job_logs("young")
    with pytest.raises(NotYetDone):
        await backend.get_cost_info("young")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"command": ()}, "command"),
        ({"time_limit_s": 0}, "time_limit_s"),
        ({"gpu": GpuSpec(gpu="H100-SXM-80", count=0)}, "count"),
        ({"usd_per_gpu_hour": Decimal(0)}, "usd_per_gpu_hour"),
        ({"usd_per_gpu_hour": Decimal("NaN")}, "usd_per_gpu_hour"),
        ({"working_dir": "/no/such/folder"}, "working_dir"),
        ({"job_id": "../escape"}, "job_id"),
        ({"job_id": ""}, "job_id"),
    ],
)
async def test_a_job_that_cannot_run_is_rejected_by_the_field(backend: CanRunJobs, fields: dict[str, object], named: str) -> None:
    described = {**msgspec.structs.asdict(job("x", "true")), **fields}
    with pytest.raises(JobRejected, match=named):
        await backend.submit_job(JobConfig(**described))


async def test_a_job_without_a_price_has_no_cost(backend: CanRunJobs) -> None:
    await backend.submit_job(job("free", "true", usd_per_gpu_hour=None))
    await ended(backend, "free")
    assert (await backend.get_cost_info("free")).cost_usd is None


async def test_without_nvidia_smi_there_is_no_gpu(backend: CanRunJobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert await backend.list_available_gpus() == ()


async def test_cards_are_counted_and_an_unknown_one_is_left_out(
    backend: CanRunJobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho NVIDIA H100 80GB HBM3\necho NVIDIA H100 80GB HBM3\necho NVIDIA Z9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert await backend.list_available_gpus() == (GpuSpec(gpu="H100-SXM-80", count=2),)
    assert "NVIDIA Z9" in caplog.text


async def test_the_health_check_passes_and_can_fail(backend: CanRunJobs, folder: Path) -> None:
    await backend.health_check()
    spoil(folder)
    with pytest.raises(Transient, match="cannot be written"):
        await backend.health_check()


def test_the_keeper_needs_nothing_but_the_standard_library() -> None:
    """It runs with -I -S, without the environment's packages."""
    run = subprocess.run([sys.executable, "-I", "-S", RUNNER], env={}, capture_output=True, text=True, check=False)
    assert "IndexError" in run.stderr
