-- Every statement about an incident (opened, judged, closed); the same statement said twice folds. incidents has one row an incident.
CREATE TABLE IF NOT EXISTS price_anomalies
(
    anomaly_id String CODEC(ZSTD(1)),
    kind LowCardinality(String),
    status LowCardinality(String),
    provisional Bool,
    event_time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    opened_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    market LowCardinality(String),
    gpu LowCardinality(Nullable(String)),
    price_type LowCardinality(Nullable(String)),
    provider LowCardinality(Nullable(String)),
    source LowCardinality(Nullable(String)),
    offer_key Nullable(String) CODEC(ZSTD(1)),
    observed_micros Nullable(Float64) CODEC(ZSTD(1)),
    centre_micros Nullable(Float64) CODEC(ZSTD(1)),
    spread_micros Nullable(Float64) CODEC(ZSTD(1)),
    z Nullable(Float64) CODEC(ZSTD(1)),
    mean_z Nullable(Float64) CODEC(ZSTD(1)),
    baseline_count Nullable(Int64) CODEC(ZSTD(1)),
    providers_moved Nullable(Int64) CODEC(ZSTD(1)),
    evidence String CODEC(ZSTD(1)),
    topic LowCardinality(String),
    partition Int32 CODEC(ZSTD(1)),
    offset Int64 CODEC(Delta, ZSTD(1)),
    ingested_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(event_time)
ORDER BY (event_time, anomaly_id, status, provisional)
TTL toDateTime(event_time) + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 1000;

-- The newest statement per incident: at one moment, closed beats opened and a verdict beats a provisional one.
CREATE VIEW IF NOT EXISTS incidents AS
SELECT *, if(status = 'closed', toNullable(event_time), NULL) AS closed_at
FROM price_anomalies
ORDER BY event_time DESC, status = 'closed' DESC, provisional, offset DESC
LIMIT 1 BY anomaly_id;
