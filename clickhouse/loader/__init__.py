"""Kafka to ClickHouse: each record once in its table, also across kills of the loader, of ClickHouse, or of both."""
