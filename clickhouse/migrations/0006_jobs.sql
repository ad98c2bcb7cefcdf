-- Written by dispatch, one row per change of a job; the newest updated_at wins. Read with FINAL.
CREATE TABLE IF NOT EXISTS jobs
(
    job_id String CODEC(ZSTD(1)),
    name String CODEC(ZSTD(1)),
    backend LowCardinality(String),
    status LowCardinality(String),
    gpu LowCardinality(Nullable(String)),
    gpu_count Int32 CODEC(ZSTD(1)),
    provider LowCardinality(Nullable(String)),
    offer_key Nullable(String) CODEC(ZSTD(1)),
    price_type LowCardinality(Nullable(String)),
    region LowCardinality(Nullable(String)),
    usd_per_gpu_hour_micros Nullable(Int64) CODEC(ZSTD(1)),
    command String CODEC(ZSTD(1)),
    submitted_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    started_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    finished_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    exit_code Nullable(Int32) CODEC(ZSTD(1)),
    error Nullable(String) CODEC(ZSTD(1)),
    updated_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree(updated_at)
ORDER BY job_id
TTL toDateTime(submitted_at) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 1000;

-- What a job has cost up to measured_at, cumulative: the newest row per job is the sum so far.
CREATE TABLE IF NOT EXISTS job_costs
(
    job_id String CODEC(ZSTD(1)),
    backend LowCardinality(String),
    gpu LowCardinality(Nullable(String)),
    gpu_count Int32 CODEC(ZSTD(1)),
    usd_per_gpu_hour_micros Int64 CODEC(ZSTD(1)),
    seconds Float64 CODEC(ZSTD(1)),
    cost_usd_micros Int64 CODEC(ZSTD(1)),
    measured_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (job_id, measured_at)
TTL toDateTime(measured_at) + INTERVAL 365 DAY
SETTINGS non_replicated_deduplication_window = 1000;
