"""The rendered SQL, the job's options, the configuration, the settings and the choice of a checkpoint."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from flink_jobs import conf, maths
from flink_jobs.checkpoints import new_job_id, newest_checkpoint, plan_digest
from flink_jobs.job import table_options
from flink_jobs.render import RENTABLE, TABLES, JobOptions, columns, statements
from flink_jobs.settings import Settings, SettingsInvalid
from schemas import vocabulary
from schemas.topics import PRICE_ANOMALIES, PRICE_WINDOWS, PROVIDER_PRICES, avro_schema

OPTIONS = JobOptions(kafka="127.0.0.1:1", registry_url="http://127.0.0.1:2", window_s=300)
PORTS = dict(zip(conf.PORT_NAMES, range(5), strict=True))


def test_the_tables_are_the_topics() -> None:
    assert [topic.name for topic in (PROVIDER_PRICES, PRICE_WINDOWS, PRICE_ANOMALIES)] == list(TABLES)


def test_rentable_is_what_the_vocabulary_says() -> None:
    assert set(RENTABLE) == vocabulary.RENTABLE


def test_every_placeholder_is_filled_and_every_comment_gone() -> None:
    for statement in statements(OPTIONS):
        assert "${" not in statement
        assert "--" not in statement
        assert statement.startswith(("CREATE TEMPORARY", "INSERT INTO"))


def test_the_window_length_reaches_window_trend_and_ids() -> None:
    text = "\n".join(statements(JobOptions(kafka="k", registry_url="http://r", window_s=7)))
    assert "INTERVAL '0 00:00:07' DAY TO SECOND)" in text
    assert "MOD(event_time_ms, 7000)" in text
    assert f"window_start_ms - {514 * 7000}" in text, "an hour in whole windows"
    assert "INTERVAL '0 00:59:58' DAY TO SECOND PRECEDING" in text


@pytest.mark.parametrize(("window_s", "expected"), [(300, 3600), (10, 3600), (7, 3598), (3600, 3600), (7200, 7200)])
def test_the_trend_looks_back_an_hour_in_whole_windows(window_s: int, expected: int) -> None:
    assert maths.trend_s(window_s) == expected


def test_no_source_idle_timeout_and_no_window_without_a_length() -> None:
    assert not any("idle" in statement for statement in statements(OPTIONS)), "it loses rows in silence: FLINK.md"
    with pytest.raises(ValueError, match="window_s is 0"):
        JobOptions(kafka="k", registry_url="http://r", window_s=0)


def test_sinks_write_the_schemas_fields_in_their_order() -> None:
    for topic in (PRICE_WINDOWS, PRICE_ANOMALIES):
        table = topic.name.replace("-", "_")
        (create,) = [statement for statement in statements(OPTIONS) if statement.startswith(f"CREATE TEMPORARY TABLE {table} ")]
        places = [create.index(f"`{field['name']}` ") for field in avro_schema(topic.name)["fields"]]
        assert places == sorted(places)


def test_columns_are_null_only_where_the_schema_is() -> None:
    fields = [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "string"]}]
    assert columns({"fields": fields}) == "`a` BIGINT NOT NULL,\n  `b` STRING"
    with pytest.raises(ValueError, match="field c: no SQL type"):
        columns({"fields": [{"name": "c", "type": {"type": "enum"}}]})


def request(**more: Any) -> dict[str, Any]:
    return {"flink_url": "http://127.0.0.1:9", "jars": ["/a.jar"], "parallelism": 1, "job_id": "0" * 32, "restore_from": None} | more


def test_a_job_restores_only_when_told_to_and_keeps_its_checkpoints() -> None:
    fresh = table_options(request())
    assert not any(name.startswith("execution.state-recovery") for name in fresh)
    assert fresh["execution.checkpointing.externalized-checkpoint-retention"] == "RETAIN_ON_CANCELLATION"
    assert "table.exec.source.idle-timeout" not in fresh
    assert table_options(request(restore_from="file:/c"))["execution.state-recovery.path"] == "file:/c"


def checkpoint(folder: Path, job_id: str, number: int, age: int, complete: bool = True) -> str:
    path = folder / job_id / f"chk-{number}"
    path.mkdir(parents=True)
    (path / "_metadata").write_bytes(b"state" if complete else b"")
    os.utime(path / "_metadata", (1_000_000 - age, 1_000_000 - age))
    return path.as_uri()


def test_the_newest_complete_checkpoint_of_this_plan_is_taken(tmp_path: Path) -> None:
    plan, other = plan_digest(300), plan_digest(10)
    assert newest_checkpoint(tmp_path, plan) is None
    older = checkpoint(tmp_path, new_job_id(plan), 9, age=20)
    newest = checkpoint(tmp_path, new_job_id(plan), 2, age=10)
    checkpoint(tmp_path, new_job_id(plan), 3, age=5, complete=False)
    checkpoint(tmp_path, new_job_id(other), 4, age=1)
    assert newest_checkpoint(tmp_path, plan) == newest
    assert newest_checkpoint(tmp_path, plan, {newest}) == older


def test_a_plan_is_known_by_its_sql_and_not_by_its_addresses() -> None:
    assert plan_digest(300) == plan_digest(300) != plan_digest(301)
    job_id = new_job_id(plan_digest(300))
    assert len(job_id) == 32
    assert int(job_id, 16) > 0


def test_configuration_binds_to_one_host_and_stays_under_the_data_folder(tmp_path: Path) -> None:
    config = conf.flink_config("127.0.0.1", PORTS, tmp_path)
    assert yaml.safe_load(conf.config_yaml(config)) == config
    assert {config[name] for name in config if name.endswith(("bind-host", "bind-address"))} == {"127.0.0.1"}
    settings = Settings("k", "r", "f", tmp_path, ())
    assert config["execution.checkpointing.dir"] == settings.checkpoints.as_uri()
    with pytest.raises(KeyError, match="blob"):
        conf.flink_config("127.0.0.1", {name: 1 for name in PORTS if name != "blob"}, tmp_path)


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    (tmp_path / "jars").mkdir(exist_ok=True)
    (tmp_path / "jars" / "kafka.jar").touch()
    (tmp_path / "format.jar").touch()
    values = {
        "KAFKA": "127.0.0.1:1",
        "REGISTRY_URL": "http://127.0.0.1:2/apis/ccompat/v7",
        "FLINK_URL": "http://127.0.0.1:3",
        "DATA_DIR": str(tmp_path),
        "FLINK_JARS": f"{tmp_path / 'jars'}{os.pathsep}{tmp_path / 'format.jar'}",
    } | more
    return {f"GPUTICKER_{name}": value for name, value in values.items()}


def test_settings_resolve_folders_of_jars(tmp_path: Path) -> None:
    settings = Settings.from_environment(environment(tmp_path, WINDOW_S="10"))
    assert [jar.name for jar in settings.jars] == ["kafka.jar", "format.jar"]
    assert (settings.window_s, settings.parallelism) == (10, 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("KAFKA", ""), ("WINDOW_S", "0"), ("WINDOW_S", "five"), ("FLINK_URL", "127.0.0.1:3"), ("FLINK_JARS", "/nowhere/a.jar")],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsInvalid, match=f"GPUTICKER_{name}"):
        Settings.from_environment(environment(tmp_path, **{name: value}))


def test_schemas_are_quoted_into_the_sql_whole() -> None:
    source = statements(OPTIONS)[0]
    text = source.split("'value.avro-confluent-tolerant.schema' = '")[1].rsplit("'", 1)[0].replace("''", "'")
    assert json.loads(text) == avro_schema(PROVIDER_PRICES.name)
