-- What the bridge could not read (topic provider-prices.dlq) and what the loader could not decode (any other topic): the raw value
-- and why. failed_topic is where the record was meant to go or came from.
CREATE TABLE IF NOT EXISTS dead_letters
(
    recorded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    record_key String CODEC(ZSTD(1)),
    failed_topic LowCardinality(String),
    exception_class LowCardinality(String),
    reason String CODEC(ZSTD(1)),
    source LowCardinality(String),
    field LowCardinality(String),
    body_digest String CODEC(ZSTD(1)),
    observed_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    value String CODEC(ZSTD(3)),
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(recorded_at)
ORDER BY (source, recorded_at)
TTL toDateTime(recorded_at) + INTERVAL 30 DAY
SETTINGS non_replicated_deduplication_window = 1000;
