"""The embedded engine: its configuration, and handles that run one statement at a time each. Everything here blocks."""

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

# chdb imports both if it can, for Arrow and data frames that are never asked for here: without them a process at rest is 45 MB smaller.
sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]
sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]

import chdb  # noqa: E402

from clickhouse.server.errors import engine_error, front_error  # noqa: E402
from clickhouse.server.statement import FORBIDDEN_SETTINGS, Statement, denied  # noqa: E402

# The engine's own default is async_insert = 1, which acknowledges before a part is written (measured on chdb 4.4.0).
_FIXED_SETTINGS = {"async_insert": "0"}
_SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")

_CONFIG = """<clickhouse>
    <users_config>{users}</users_config>
    <timezone>UTC</timezone>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>67108864</mark_cache_size>
    <uncompressed_cache_size>0</uncompressed_cache_size>
    <index_mark_cache_size>16777216</index_mark_cache_size>
    <background_pool_size>4</background_pool_size>
    <background_schedule_pool_size>4</background_schedule_pool_size>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <number_of_free_entries_in_pool_to_lower_max_size_of_merge>2</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
        <number_of_free_entries_in_pool_to_execute_mutation>2</number_of_free_entries_in_pool_to_execute_mutation>
        <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>2</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
    </merge_tree>
</clickhouse>
"""
# No grant for sources (file, url, remote, s3, …) nor for other databases: `default` is an Overlay that resolves files of the host.
_USERS = """<clickhouse>
    <profiles><default/></profiles>
    <quotas><default/></quotas>
    <users>
        <default>
            <password></password>
            <networks><ip>::/0</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT ALL ON {database}.*</query>
                <query>GRANT SELECT ON system.*</query>
                <query>GRANT SELECT ON information_schema.*</query>
                <query>GRANT SELECT ON INFORMATION_SCHEMA.*</query>
                <query>GRANT SHOW, KILL QUERY, CREATE TEMPORARY TABLE ON *.*</query>
            </grants>
        </default>
    </users>
</clickhouse>
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one statement came to. `body` is in the format that was asked for."""

    body: bytes
    read_rows: int
    read_bytes: int
    result_rows: int
    written_rows: int
    written_bytes: int
    elapsed_s: float


class Engine:
    """The engine on one folder. One per process: chdb refuses a second path, and a second process on a path."""

    def __init__(self, path: Path, database: str, max_memory_bytes: int) -> None:
        """Opens, and creates the database where it is missing. Raises ClickHouseError."""
        path.mkdir(parents=True, exist_ok=True)
        config, users = path.with_name(f"{path.name}.config.xml"), path.with_name(f"{path.name}.users.xml")
        config.write_text(_CONFIG.format(users=escape(str(users.resolve())), memory=max_memory_bytes))
        users.write_text(_USERS.format(database=database))
        self.database = database
        self._target = f"{path.resolve()}?config-file={config.resolve()}"
        self._keeper = self.open()
        self._keeper.run(f"CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic")
        self.version = self._keeper.run("SELECT version()").body.decode().strip()
        self.timezone = self._keeper.run("SELECT timezone()").body.decode().strip()

    def open(self) -> "Handle":
        """A new handle: its own settings, current database and temporary tables (0.2 ms)."""
        try:
            return Handle(chdb.connect(self._target))
        except RuntimeError as error:
            raise engine_error(error) from error

    def kill(self, tag: str) -> None:
        """End the statement that runs under this tag, if it still runs. From a handle of its own, because the busy one is serial."""
        self._kill(f"Settings['log_comment'] = '{tag}'")

    def kill_all(self) -> None:
        """End every running statement."""
        self._kill("query NOT LIKE 'KILL%'")

    def close(self) -> None:
        self._keeper.close()

    def _kill(self, condition: str) -> None:
        handle = self.open()
        try:
            handle.run(f"KILL QUERY WHERE {condition} ASYNC")
        finally:
            handle.close()


class Handle:
    """One chdb connection. Not for two threads at once. Methods raise ClickHouseError."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._applied: dict[str, str] = {}
        self._database = ""

    def prepare(self, settings: Mapping[str, str], database: str, tag: str) -> None:
        """Bring the handle's settings and database to what this request says; what it no longer says goes back to its default."""
        wanted = {**settings, **_FIXED_SETTINGS, "log_comment": tag}
        changes = [f"{_name(name)} = DEFAULT" for name in self._applied if name not in wanted]
        changes += [f"{_name(name)} = {_literal(value)}" for name, value in wanted.items() if self._applied.get(name) != value]
        # readonly forbids every later SET, so it comes last.
        changes.sort(key=lambda change: change.startswith("readonly "))
        if changes:
            self.run(f"SET {', '.join(changes)}")
        self._applied = wanted
        if database and database != self._database:
            self.run(f"USE {_identifier(database)}")
            self._database = database

    @property
    def read_only(self) -> bool:
        """Whether this handle can no longer be changed."""
        return self._applied.get("readonly", "0") != "0"

    def forget_database(self) -> None:
        """After a client's own USE: the next named database is set again."""
        self._database = ""

    def run(self, sql: str, output_format: str = "TabSeparated", parameters: Mapping[str, str] | None = None) -> Result:
        """One statement, its whole result in memory."""
        try:
            result = self._connection.query(sql, output_format, params=dict(parameters or {}))
        except RuntimeError as error:
            raise engine_error(error) from error
        return _result(result)

    def insert(self, statement: Statement, parameters: Mapping[str, str] | None = None) -> Result:
        """An INSERT with data. Returns only after every part is written, the views' too; raises where anything failed.

        INFILE over an anonymous memory file: `send_insert` acknowledges writes that failed (measured on chdb 4.4.0).
        """
        descriptor = os.memfd_create("insert")
        try:
            for piece in statement.data:
                view = piece
                while view:
                    view = view[os.write(descriptor, view) :]
            settings = f"{statement.insert_settings} " if statement.insert_settings else ""
            sql = f"{statement.sql} FROM INFILE '/proc/self/fd/{descriptor}' {settings}FORMAT {statement.insert_format}"
            return self.run(sql, "Null", parameters)
        finally:
            os.close(descriptor)

    def stream(self, sql: str, output_format: str, parameters: Mapping[str, str] | None = None) -> "Stream":
        """A SELECT whose result is fetched piece by piece."""
        try:
            return Stream(self._connection.send_query(sql, output_format, params=dict(parameters or {})))
        except RuntimeError as error:
            raise engine_error(error) from error

    def close(self) -> None:
        self._connection.close()


class Stream:
    """The pieces of one result. The handle is busy until it is exhausted or closed."""

    def __init__(self, result: Any) -> None:
        self._result = result
        self.read_rows = 0
        self.read_bytes = 0
        self.result_rows = 0

    def fetch(self) -> bytes:
        """The next piece; empty at the end. Raises ClickHouseError."""
        try:
            chunk = self._result.fetch()
        except RuntimeError as error:
            raise engine_error(error) from error
        if chunk is None:
            return b""
        self.read_rows = max(self.read_rows, chunk.storage_rows_read())
        self.read_bytes = max(self.read_bytes, chunk.storage_bytes_read())
        self.result_rows += chunk.rows_read()
        return bytes(chunk.bytes())

    def close(self) -> None:
        """Cancels what is left."""
        with suppress(RuntimeError):  # closing after a failed fetch raises that failure again
            self._result.close()


def _result(result: Any) -> Result:
    return Result(
        body=bytes(result.bytes() or b""),
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        result_rows=result.rows_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        elapsed_s=result.elapsed(),
    )


def _name(setting: str) -> str:
    if not _SETTING_NAME.fullmatch(setting):
        raise front_error(115, "UNKNOWN_SETTING", f"Unknown setting {setting!r}")
    if setting.lower() in FORBIDDEN_SETTINGS:
        raise denied(f"setting {setting}")
    return setting


def _literal(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"
