-- How often a provider says that such a machine is taken back, in its own words. The view that feeds offers_current said its columns when
-- it was made, so it is told of this one.
ALTER TABLE offer_events ADD COLUMN IF NOT EXISTS interruption LowCardinality(Nullable(String)) AFTER in_market_stats;

ALTER TABLE offers_current ADD COLUMN IF NOT EXISTS interruption LowCardinality(Nullable(String)) AFTER in_market_stats;

ALTER TABLE offers_current_feed MODIFY QUERY SELECT * FROM offer_events;

CREATE OR REPLACE VIEW offers_latest AS
SELECT
    market, source, provider, offer_key, gpu, gpu_count, price_type,
    toDecimal64(usd_per_gpu_hour_micros, 6) / 1000000 AS usd_per_gpu_hour, usd_per_gpu_hour_micros,
    amount, currency, unit, basis, fx_rate, fx_date, region, country, availability, available_count,
    vcpus, memory_gib, disk_gib, instance_type, upstream, provider_time, in_market_stats, interruption, observed_at, event_time, body_digest
FROM offers_current FINAL
WHERE kind != 'gone';

CREATE OR REPLACE VIEW offers_as_of AS
SELECT
    market, source, provider, offer_key, gpu, gpu_count, price_type,
    toDecimal64(usd_per_gpu_hour_micros, 6) / 1000000 AS usd_per_gpu_hour, usd_per_gpu_hour_micros,
    amount, currency, unit, basis, fx_rate, fx_date, region, country, availability, available_count,
    vcpus, memory_gib, disk_gib, instance_type, upstream, provider_time, in_market_stats, interruption, observed_at, event_time, body_digest
FROM
(
    SELECT *
    FROM offer_events
    WHERE event_time <= {at:DateTime64(3, 'UTC')} AND event_time > {at:DateTime64(3, 'UTC')} - INTERVAL 1 DAY
        AND ingested_at <= {known_at:DateTime64(3, 'UTC')}
    ORDER BY event_time DESC, seq DESC
    LIMIT 1 BY market, provider, offer_key
)
WHERE kind != 'gone';
