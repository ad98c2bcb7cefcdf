-- Judged windows to incidents: what moved, whether the market moved with it, and where each incident begins and ends.

-- All windows of one GPU and price type with the same end are peers: the frame of no width counts the providers that moved with
-- this one. (A join would lose the time attribute and keep its state for ever.)
CREATE TEMPORARY VIEW windows_and_peers AS
SELECT *,
       COALESCE(ABS(robust_z) > ${z_limit}, FALSE) AS flagged,
       SUM(CASE WHEN `scope` = 'provider' AND n_market > 0 AND robust_z > ${z_limit} THEN 1 ELSE 0 END) OVER peers AS ups,
       SUM(CASE WHEN `scope` = 'provider' AND n_market > 0 AND robust_z < -${z_limit} THEN 1 ELSE 0 END) OVER peers AS downs
FROM judged_windows
WINDOW peers AS (PARTITION BY market, gpu, price_type ORDER BY rt RANGE BETWEEN INTERVAL '0' SECOND PRECEDING AND CURRENT ROW);

CREATE TEMPORARY VIEW moves AS
SELECT *,
       CASE WHEN `scope` = 'market' THEN ups >= ${market_move_providers} OR downs >= ${market_move_providers} ELSE flagged END AS moved,
       flagged AND ((robust_z > 0 AND ups >= ${market_move_providers}) OR (robust_z < 0 AND downs >= ${market_move_providers})) AS with_market
FROM windows_and_peers;

CREATE TEMPORARY VIEW moves_and_prior AS
SELECT *, COALESCE(LAG(moved) OVER (PARTITION BY market, `scope`, gpu, price_type, provider ORDER BY rt), FALSE) AS was_moved
FROM moves;

CREATE TEMPORARY VIEW runs AS
SELECT *,
       MAX(CASE WHEN moved AND NOT was_moved THEN window_start_ms END) OVER frame AS run_start_ms,
       MAX(CASE WHEN `scope` = 'provider' AND with_market THEN window_start_ms END) OVER frame AS with_market_ms
FROM moves_and_prior
WINDOW frame AS (PARTITION BY market, `scope`, gpu, price_type, provider ORDER BY rt ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);

-- A provider that has moved with the market is part of that incident until it is back, also when others are back before it.
CREATE TEMPORARY VIEW reports AS
SELECT *, moved AND (with_market_ms IS NULL OR with_market_ms < run_start_ms) AS reported
FROM runs;

CREATE TEMPORARY VIEW incidents AS
SELECT *, COALESCE(LAG(reported) OVER (PARTITION BY market, `scope`, gpu, price_type, provider ORDER BY rt), FALSE) AS was_reported
FROM reports;
