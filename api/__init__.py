"""The read API and the dashboard: the latest offers from an in-process copy of Redis, history from ClickHouse."""
