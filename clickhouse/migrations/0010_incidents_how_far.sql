-- One row per incident: how it stands by its newest statement, and how far it went by the statement that went farthest. A closing statement's own
-- z is what was left when it was over, which explains nothing.
CREATE OR REPLACE VIEW incidents AS
SELECT
    newest.* REPLACE (
        farthest.told.1 AS observed_micros, farthest.told.2 AS centre_micros, farthest.told.3 AS spread_micros, farthest.told.4 AS z,
        farthest.told.5 AS mean_z, farthest.told.6 AS evidence
    ),
    if(newest.status = 'closed', toNullable(newest.event_time), NULL) AS closed_at
FROM
(
    SELECT *
    FROM price_anomalies
    ORDER BY event_time DESC, status = 'closed' DESC, provisional, offset DESC
    LIMIT 1 BY anomaly_id
) AS newest
INNER JOIN
(
    SELECT
        anomaly_id,
        argMax(
            (observed_micros, centre_micros, spread_micros, z, mean_z, evidence),
            (status = 'opened', abs(ifNull(z, 0)), NOT provisional, event_time)
        ) AS told
    FROM price_anomalies
    GROUP BY anomaly_id
) AS farthest USING (anomaly_id);
