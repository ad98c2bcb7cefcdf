-- Every statement about an offer, judged on arrival against that offer's own earlier statements (processing time: no window has to
-- close first). One OVER per view, because all aggregates of one SELECT must share one frame.

CREATE TEMPORARY VIEW offer_events AS
SELECT market, provider, offer_key, gpu, price_type, usd_per_gpu_hour_micros AS price, availability, in_market_stats,
       event_time, event_time_ms, seq, seen_at,
       event_time_ms - MOD(event_time_ms, ${window_ms}) AS window_start_ms
FROM provider_prices
WHERE kind IN ('appeared', 'changed', 'observed', 'gone')
  AND ${believable}
  AND (usd_per_gpu_hour_micros IS NULL OR usd_per_gpu_hour_micros BETWEEN 1 AND ${most_micros});

CREATE TEMPORARY VIEW offers_and_prior AS
SELECT *, LAG(price) OVER (PARTITION BY market, provider, offer_key ORDER BY seen_at) AS prior
FROM offer_events;

-- The frame holds prices shifted by one row, so that an offer's own price is never in its baseline.
CREATE TEMPORARY VIEW offers_and_baseline AS
SELECT *,
       COUNT(prior) OVER frame AS n,
       SUM(CAST(prior AS DECIMAL(19, 0))) OVER frame AS s1,
       SUM(CAST(prior AS DECIMAL(19, 0)) * CAST(prior AS DECIMAL(19, 0))) OVER frame AS s2,
       PERCENTILE(prior, ARRAY[0.25, 0.5, 0.75]) OVER frame AS q
FROM offers_and_prior
WINDOW frame AS (PARTITION BY market, provider, offer_key ORDER BY seen_at ROWS BETWEEN ${baseline_most_less_one} PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW offers_and_spread AS
SELECT *, q[2] AS centre,
       GREATEST((q[3] - q[1]) / ${iqr_per_sigma}, ${sigma_floor} * q[2]) AS spread,
       CAST(s1 AS DOUBLE) / n AS mean,
       ${offer_sd} AS sd
FROM offers_and_baseline;

CREATE TEMPORARY VIEW judged_offers AS
SELECT *,
       (price - centre) / spread AS z,
       (price - mean) / GREATEST(sd, ${sigma_floor} * mean) AS mean_z,
       COALESCE(n >= ${baseline_least} AND ABS(price - centre) > ${z_limit} * spread, FALSE) AS flagged
FROM offers_and_spread;

CREATE TEMPORARY VIEW flagged_offers AS
SELECT *, COALESCE(LAG(flagged) OVER (PARTITION BY market, provider, offer_key ORDER BY seen_at), FALSE) AS was_flagged
FROM judged_offers;

-- opened_ms: when the offer's newest spike began. A gone offer may come without its GPU: the one it had counts.
CREATE TEMPORARY VIEW offers_and_opening AS
SELECT market, provider, offer_key, price, availability, in_market_stats, event_time, event_time_ms, seq, seen_at, window_start_ms,
       n, centre, spread, z, mean_z, flagged, was_flagged,
       MAX(gpu) OVER frame AS gpu,
       MAX(price_type) OVER frame AS price_type,
       MAX(CASE WHEN flagged AND NOT was_flagged THEN event_time_ms END) OVER frame AS opened_ms
FROM flagged_offers
WINDOW frame AS (PARTITION BY market, provider, offer_key ORDER BY seen_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- A spike belongs to the window it began in. It ends when the price is back within that window; after the window, its verdict counts.
CREATE TEMPORARY VIEW offers_and_spikes AS
SELECT *,
       CASE WHEN flagged AND NOT was_flagged THEN 1
            WHEN was_flagged AND NOT flagged AND opened_ms >= window_start_ms THEN -1 END AS step,
       CASE WHEN flagged AND opened_ms >= window_start_ms THEN
         CONCAT_WS(CHR(9), CAST(price AS STRING), CAST(centre AS STRING), CAST(spread AS STRING), CAST(z AS STRING), CAST(mean_z AS STRING),
                   CAST(n AS STRING), CAST(opened_ms AS STRING), offer_key) END AS spike
FROM offers_and_opening;

-- Several offers of one provider that move within one window are one incident: opened by the first, closed by the last.
CREATE TEMPORARY VIEW spike_steps AS
SELECT *,
       SUM(step) OVER frame AS open_now,
       MIN(opened_ms) OVER frame AS first_opened_ms
FROM offers_and_spikes
WHERE step IS NOT NULL
WINDOW frame AS (PARTITION BY market, gpu, price_type, provider, window_start_ms ORDER BY seen_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);
