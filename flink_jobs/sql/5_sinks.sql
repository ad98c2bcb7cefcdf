-- The inserts, one statement set: one job, one pass over the topic.

INSERT INTO price_windows
SELECT CONCAT_WS('/', gpu, price_type, provider),
       window_start_ms, window_start_ms + ${window_ms}, market, `scope`, gpu, price_type, provider,
       n, providers, least, most, mean, sd, median, p10, p90, available_share,
       z, robust_z, base_n, base_mean, base_sd, base_median, base_iqr,
       CASE WHEN hour_start_ms = window_start_ms - ${trend_ms} THEN median / hour_median - 1e0 END, 0
FROM windows_and_hour;

INSERT INTO price_anomalies
SELECT ${spike_id}, 'spike', CASE WHEN step = 1 THEN 'opened' ELSE 'closed' END, TRUE,
       event_time_ms, first_opened_ms, market, gpu, price_type, provider, CAST(NULL AS STRING), offer_key,
       CAST(price AS DOUBLE), centre, spread, z, mean_z, n, CAST(NULL AS BIGINT),
       CASE WHEN step = 1
         THEN CONCAT(gpu, ' ', price_type, ' at ', provider, ': offer ', offer_key, ' is at ', ${price_text}, ', its own median is ',
                     ${centre_text}, ' (z = ', ${z_text}, ' over ', CAST(n AS STRING), ' statements)')
         ELSE CONCAT(gpu, ' ', price_type, ' at ', provider, ': offer ', offer_key, ' is back or gone within the window') END
FROM spike_steps
WHERE (step = 1 AND open_now = 1) OR (step = -1 AND open_now = 0);

INSERT INTO price_anomalies
SELECT ${incident_id}, CASE WHEN `scope` = 'market' THEN 'market_move' ELSE 'provider_repricing' END,
       CASE WHEN reported THEN 'opened' ELSE 'closed' END, FALSE,
       window_start_ms + ${window_ms}, run_start_ms, market, gpu, price_type, NULLIF(provider, ''), CAST(NULL AS STRING), CAST(NULL AS STRING),
       median, base_median, spread, robust_z, z, base_n,
       CASE WHEN `scope` = 'market' THEN CAST(GREATEST(ups, downs) AS BIGINT) END,
       CONCAT(gpu, ' ', price_type, CASE WHEN `scope` = 'market' THEN '' ELSE CONCAT(' at ', provider) END, ': ',
              CASE WHEN NOT reported AND with_market THEN 'now part of a market move; '
                   WHEN NOT reported THEN 'back within its usual range; '
                   WHEN `scope` = 'market' THEN CONCAT(CAST(GREATEST(ups, downs) AS STRING), ' providers moved ',
                                                     CASE WHEN ups >= downs THEN 'up' ELSE 'down' END, ' together; ')
                   ELSE '' END,
              'median ', ${median_text}, ' against ', ${base_median_text}, ' (z = ', ${robust_z_text}, ' over ', CAST(base_n AS STRING), ' windows)')
FROM incidents
WHERE reported <> was_reported;

-- The window's verdict on spikes that are still open: a repricing of the provider takes the id over (above), all others end here.
INSERT INTO price_anomalies
SELECT ${window_spike_id}, 'spike', 'closed', FALSE,
       window_start_ms + ${window_ms}, CAST(SPLIT_INDEX(spike, CHR(9), 6) AS BIGINT), market, gpu, price_type, provider,
       CAST(NULL AS STRING), SPLIT_INDEX(spike, CHR(9), 7),
       CAST(SPLIT_INDEX(spike, CHR(9), 0) AS DOUBLE), CAST(SPLIT_INDEX(spike, CHR(9), 1) AS DOUBLE), CAST(SPLIT_INDEX(spike, CHR(9), 2) AS DOUBLE),
       CAST(SPLIT_INDEX(spike, CHR(9), 3) AS DOUBLE), CAST(SPLIT_INDEX(spike, CHR(9), 4) AS DOUBLE), CAST(SPLIT_INDEX(spike, CHR(9), 5) AS BIGINT),
       CAST(NULL AS BIGINT),
       CONCAT(gpu, ' ', price_type, ' at ', provider, ': the window closed with ', CAST(spikes AS STRING), ' of ', CAST(n AS STRING),
              ' offers standing out; ',
              CASE WHEN with_market THEN 'part of a market move'
                   WHEN reported THEN 'part of the repricing that is open'
                   ELSE 'the provider as a whole did not move' END,
              ' (median ', ${median_text}, ')')
FROM incidents
WHERE `scope` = 'provider' AND spikes > 0 AND NOT (reported AND run_start_ms = window_start_ms);
