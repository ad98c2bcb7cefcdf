-- Flink delivers at least once: a repeat replaces, a greater revision wins. Read with FINAL.
CREATE TABLE IF NOT EXISTS price_windows
(
    window_start DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    window_end DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    market LowCardinality(String),
    scope LowCardinality(String),
    gpu LowCardinality(String),
    price_type LowCardinality(String),
    provider LowCardinality(String),
    offers Int64 CODEC(ZSTD(1)),
    providers Int64 CODEC(ZSTD(1)),
    min_micros Int64 CODEC(ZSTD(1)),
    max_micros Int64 CODEC(ZSTD(1)),
    mean_micros Float64 CODEC(ZSTD(1)),
    sd_micros Float64 CODEC(ZSTD(1)),
    median_micros Float64 CODEC(ZSTD(1)),
    p10_micros Float64 CODEC(ZSTD(1)),
    p90_micros Float64 CODEC(ZSTD(1)),
    available_share Float64 CODEC(ZSTD(1)),
    z Nullable(Float64) CODEC(ZSTD(1)),
    robust_z Nullable(Float64) CODEC(ZSTD(1)),
    baseline_windows Int64 CODEC(ZSTD(1)),
    baseline_mean_micros Nullable(Float64) CODEC(ZSTD(1)),
    baseline_sd_micros Nullable(Float64) CODEC(ZSTD(1)),
    baseline_median_micros Nullable(Float64) CODEC(ZSTD(1)),
    baseline_iqr_micros Nullable(Float64) CODEC(ZSTD(1)),
    trend_per_hour Nullable(Float64) CODEC(ZSTD(1)),
    revision UInt32 CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(revision)
PARTITION BY toYYYYMMDD(window_start)
ORDER BY (gpu, price_type, scope, provider, market, window_start, window_end)
TTL toDateTime(window_start) + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;
