-- Two levels: each offer once, then statistics over offers; per provider, and over the market for offers that are in_market_stats.

CREATE TEMPORARY VIEW last_prices AS
SELECT *
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, market, provider, offer_key ORDER BY event_time_ms DESC, seq DESC) AS newest
  FROM TABLE(TUMBLE(TABLE offers_and_spikes, DESCRIPTOR(event_time), INTERVAL '${window_interval}' DAY TO SECOND))
)
WHERE newest = 1 AND price IS NOT NULL;

CREATE TEMPORARY VIEW window_sums AS
SELECT window_time AS rt,
       MIN(window_start_ms) AS window_start_ms,
       market, gpu, price_type,
       CASE WHEN GROUPING(provider) = 0 THEN 'provider' ELSE 'market' END AS `scope`,
       CASE WHEN GROUPING(provider) = 0 THEN provider ELSE '' END AS provider,
       COUNT(*) AS n,
       COUNT(*) FILTER (WHERE in_market_stats) AS n_market,
       COUNT(DISTINCT provider) AS providers,
       COUNT(*) FILTER (WHERE availability IN (${rentable})) AS rentable,
       MIN(price) AS least, MAX(price) AS most,
       SUM(CAST(price AS DECIMAL(19, 0))) AS s1,
       SUM(CAST(price AS DECIMAL(19, 0)) * CAST(price AS DECIMAL(19, 0))) AS s2,
       PERCENTILE(price, ARRAY[0.1, 0.5, 0.9]) AS q,
       COUNT(spike) AS spikes, MIN(spike) AS spike
FROM last_prices
GROUP BY window_start, window_end, window_time,
         GROUPING SETS ((market, gpu, price_type, provider), (market, gpu, price_type, in_market_stats))
HAVING GROUPING(provider) = 0 OR in_market_stats;

CREATE TEMPORARY VIEW windows AS
SELECT rt, window_start_ms, market, `scope`, gpu, price_type, provider, n, n_market, providers, least, most,
       CAST(s1 AS DOUBLE) / n AS mean,
       CASE WHEN n > 1 THEN ${window_sd} ELSE 0e0 END AS sd,
       q[1] AS p10, q[2] AS median, q[3] AS p90,
       CAST(rentable AS DOUBLE) / n AS available_share,
       spikes, spike
FROM window_sums;

CREATE TEMPORARY VIEW windows_and_prior AS
SELECT *, LAG(median) OVER (PARTITION BY market, `scope`, gpu, price_type, provider ORDER BY rt) AS prior
FROM windows;

-- The frame holds medians shifted by one window, so that no window is in its own baseline. Twice a median of integers is an integer:
-- sums of integers do not drift when an outlier leaves the frame, sums of doubles do.
CREATE TEMPORARY VIEW windows_and_baseline AS
SELECT *,
       COUNT(prior) OVER frame AS base_n,
       SUM(CAST(2 * prior AS DECIMAL(19, 0))) OVER frame AS base_s1,
       SUM(CAST(2 * prior AS DECIMAL(19, 0)) * CAST(2 * prior AS DECIMAL(19, 0))) OVER frame AS base_s2,
       PERCENTILE(prior, ARRAY[0.25, 0.5, 0.75]) OVER frame AS base_q
FROM windows_and_prior
WINDOW frame AS (PARTITION BY market, `scope`, gpu, price_type, provider ORDER BY rt ROWS BETWEEN ${baseline_most_less_one} PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW windows_and_spread AS
SELECT rt, window_start_ms, market, `scope`, gpu, price_type, provider, n, n_market, providers, least, most, mean, sd, median, p10, p90,
       available_share, spikes, spike, base_n, base_s1 / 2e0 / base_n AS base_mean,
       ${baseline_sd} AS base_sd,
       base_q[2] AS base_median,
       base_q[3] - base_q[1] AS base_iqr,
       GREATEST((base_q[3] - base_q[1]) / ${iqr_per_sigma}, ${sigma_floor} * base_q[2]) AS spread
FROM windows_and_baseline;

CREATE TEMPORARY VIEW judged_windows AS
SELECT *,
       CASE WHEN base_n >= ${baseline_least} THEN (median - base_mean) / GREATEST(base_sd, ${sigma_floor} * base_mean) END AS z,
       CASE WHEN base_n >= ${baseline_least} THEN (median - base_median) / spread END AS robust_z
FROM windows_and_spread;

CREATE TEMPORARY VIEW windows_and_hour AS
SELECT *,
       MIN(window_start_ms) OVER frame AS hour_start_ms,
       FIRST_VALUE(median) OVER frame AS hour_median
FROM judged_windows
WINDOW frame AS (PARTITION BY market, `scope`, gpu, price_type, provider ORDER BY rt
                 RANGE BETWEEN INTERVAL '${trend_interval}' DAY TO SECOND PRECEDING AND CURRENT ROW);
