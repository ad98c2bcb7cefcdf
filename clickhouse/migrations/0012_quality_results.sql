-- What `python -m clickhouse.quality` found: one row per expectation and run.
CREATE TABLE IF NOT EXISTS quality_results
(
    checked_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    suite LowCardinality(String),
    expectation LowCardinality(String),
    success Bool,
    rows UInt64 CODEC(ZSTD(1)),
    unexpected UInt64 CODEC(ZSTD(1)),
    examples Array(String) CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(checked_at)
ORDER BY (suite, expectation, checked_at)
TTL toDateTime(checked_at) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;
