-- Every record of provider-prices but ticks, once per Kafka record: (topic, partition, offset) is unique, event_id may repeat
-- (the bridge delivers at least once), readers fold by event_id or take the newest statement per offer.
CREATE TABLE IF NOT EXISTS offer_events
(
    event_id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    event_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    observed_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    seq Int64 CODEC(Delta, ZSTD(1)),
    market LowCardinality(String),
    source LowCardinality(String),
    provider LowCardinality(String),
    offer_key String CODEC(ZSTD(1)),
    previous_usd_per_gpu_hour_micros Nullable(Int64) CODEC(ZSTD(1)),
    previous_availability LowCardinality(Nullable(String)),
    gpu LowCardinality(Nullable(String)),
    gpu_count Nullable(Int32) CODEC(ZSTD(1)),
    price_type LowCardinality(Nullable(String)),
    amount Nullable(String) CODEC(ZSTD(1)),
    currency LowCardinality(Nullable(String)),
    unit LowCardinality(Nullable(String)),
    basis LowCardinality(Nullable(String)),
    fx_rate Nullable(String) CODEC(ZSTD(1)),
    fx_date Nullable(String) CODEC(ZSTD(1)),
    usd_per_gpu_hour_micros Nullable(Int64) CODEC(ZSTD(1)),
    region LowCardinality(Nullable(String)),
    country LowCardinality(Nullable(String)),
    availability LowCardinality(Nullable(String)),
    available_count Nullable(Int32) CODEC(ZSTD(1)),
    vcpus Nullable(Float64) CODEC(ZSTD(1)),
    memory_gib Nullable(Float64) CODEC(ZSTD(1)),
    disk_gib Nullable(Float64) CODEC(ZSTD(1)),
    instance_type LowCardinality(Nullable(String)),
    upstream LowCardinality(Nullable(String)),
    provider_time Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    in_market_stats Bool,
    body_digest Nullable(String) CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(event_time)
ORDER BY (gpu, price_type, provider, offer_key, event_time, seq)
TTL toDateTime(event_time) + INTERVAL 90 DAY
SETTINGS allow_nullable_key = 1, ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000;

-- The newest statement per offer. Equal event times are decided by arrival: one offer's records are in order in one partition.
CREATE TABLE IF NOT EXISTS offers_current AS offer_events
ENGINE = ReplacingMergeTree(event_time)
ORDER BY (market, provider, offer_key)
TTL toDateTime(event_time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000;

CREATE MATERIALIZED VIEW IF NOT EXISTS offers_current_feed TO offers_current AS SELECT * FROM offer_events;
