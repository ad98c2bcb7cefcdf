-- Offers as they stand now: the newest statement of each that is not gone. Old ones show it by observed_at.
CREATE VIEW IF NOT EXISTS offers_latest AS
SELECT
    market, source, provider, offer_key, gpu, gpu_count, price_type,
    toDecimal64(usd_per_gpu_hour_micros, 6) / 1000000 AS usd_per_gpu_hour, usd_per_gpu_hour_micros,
    amount, currency, unit, basis, fx_rate, fx_date, region, country, availability, available_count,
    vcpus, memory_gib, disk_gib, instance_type, upstream, provider_time, in_market_stats, observed_at, event_time, body_digest
FROM offers_current FINAL
WHERE kind != 'gone';

-- Offers as they stood at {at}, as far as it was known at {known_at}: the newest statement of each in the day before {at}
-- (a live offer is said again once a minute), unless it is gone.
CREATE VIEW IF NOT EXISTS offers_as_of AS
SELECT
    market, source, provider, offer_key, gpu, gpu_count, price_type,
    toDecimal64(usd_per_gpu_hour_micros, 6) / 1000000 AS usd_per_gpu_hour, usd_per_gpu_hour_micros,
    amount, currency, unit, basis, fx_rate, fx_date, region, country, availability, available_count,
    vcpus, memory_gib, disk_gib, instance_type, upstream, provider_time, in_market_stats, observed_at, event_time, body_digest
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

-- Per hour, GPU, price type and provider: each offer once, with its last price in the hour, then statistics over offers. Repeats of
-- an event change nothing.
CREATE VIEW IF NOT EXISTS prices_hourly AS
SELECT
    hour, market, gpu, price_type, provider, count() AS offers,
    toDecimal64(min(last_micros), 6) / 1000000 AS min_usd_per_gpu_hour,
    toDecimal64(toInt64(round(quantileExactInclusive(0.5)(last_micros))), 6) / 1000000 AS median_usd_per_gpu_hour,
    toDecimal64(toInt64(round(avg(last_micros))), 6) / 1000000 AS mean_usd_per_gpu_hour,
    toDecimal64(max(last_micros), 6) / 1000000 AS max_usd_per_gpu_hour
FROM
(
    SELECT
        toStartOfHour(event_time) AS hour, market, assumeNotNull(e.gpu) AS gpu, assumeNotNull(e.price_type) AS price_type, provider, offer_key,
        argMax((kind, usd_per_gpu_hour_micros), (event_time, seq)) AS last, assumeNotNull(last.2) AS last_micros
    FROM offer_events AS e
    WHERE in_market_stats AND e.gpu IS NOT NULL AND e.price_type IS NOT NULL
    GROUP BY hour, market, gpu, price_type, provider, offer_key
    HAVING last.1 != 'gone' AND last.2 IS NOT NULL
)
GROUP BY hour, market, gpu, price_type, provider;

CREATE VIEW IF NOT EXISTS prices_daily AS
SELECT
    day, market, gpu, price_type, provider, count() AS offers,
    toDecimal64(min(last_micros), 6) / 1000000 AS min_usd_per_gpu_hour,
    toDecimal64(toInt64(round(quantileExactInclusive(0.5)(last_micros))), 6) / 1000000 AS median_usd_per_gpu_hour,
    toDecimal64(toInt64(round(avg(last_micros))), 6) / 1000000 AS mean_usd_per_gpu_hour,
    toDecimal64(max(last_micros), 6) / 1000000 AS max_usd_per_gpu_hour
FROM
(
    SELECT
        toDate(event_time) AS day, market, assumeNotNull(e.gpu) AS gpu, assumeNotNull(e.price_type) AS price_type, provider, offer_key,
        argMax((kind, usd_per_gpu_hour_micros), (event_time, seq)) AS last, assumeNotNull(last.2) AS last_micros
    FROM offer_events AS e
    WHERE in_market_stats AND e.gpu IS NOT NULL AND e.price_type IS NOT NULL
    GROUP BY day, market, gpu, price_type, provider, offer_key
    HAVING last.1 != 'gone' AND last.2 IS NOT NULL
)
GROUP BY day, market, gpu, price_type, provider;
