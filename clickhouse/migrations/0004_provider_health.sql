CREATE TABLE IF NOT EXISTS provider_health
(
    source LowCardinality(String),
    provider LowCardinality(String),
    market LowCardinality(String),
    polled_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    latency_ms Float64 CODEC(ZSTD(1)),
    health LowCardinality(String),
    http_status Nullable(Int32) CODEC(ZSTD(1)),
    offers Int32 CODEC(ZSTD(1)),
    rejected Int32 CODEC(ZSTD(1)),
    requests Int32 CODEC(ZSTD(1)),
    bytes Int64 CODEC(ZSTD(1)),
    breaker LowCardinality(String),
    consecutive_failures Int32 CODEC(ZSTD(1)),
    error Nullable(String) CODEC(ZSTD(1)),
    last_success Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    cadence_s Float64 CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(polled_at)
ORDER BY (source, polled_at)
TTL toDateTime(polled_at) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
