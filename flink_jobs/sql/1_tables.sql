-- The topics as tables. Columns come from schemas/avro; names of the form ${...} are filled in by flink_jobs/render.py.

CREATE TEMPORARY TABLE provider_prices (
  ${provider_prices_columns},
  event_time AS TO_TIMESTAMP_LTZ(event_time_ms, 3),
  seen_at AS PROCTIME(),
  -- A statement from the future would close windows that are still filling: it moves no clock, and offer_events leaves it out.
  -- No idle timeout anywhere: ticks move the clock, and a stopped bridge stops it.
  WATERMARK FOR event_time AS
    CASE WHEN ${believable} THEN event_time - INTERVAL '${watermark_delay}' DAY TO SECOND END
) WITH (
  'connector' = 'kafka',
  'topic' = '${provider_prices_topic}',
  'properties.bootstrap.servers' = '${kafka}',
  'properties.group.id' = 'gputicker-flink',
  'scan.startup.mode' = 'earliest-offset',
  'value.format' = 'avro-confluent-tolerant',
  'value.avro-confluent-tolerant.url' = '${registry_url}',
  'value.avro-confluent-tolerant.schema' = '${provider_prices_schema}'
);

CREATE TEMPORARY TABLE price_windows (
  record_key STRING NOT NULL,
  ${price_windows_columns}
) WITH (
  'connector' = 'kafka',
  'topic' = '${price_windows_topic}',
  'properties.bootstrap.servers' = '${kafka}',
  'key.format' = 'raw',
  'key.fields' = 'record_key',
  'value.format' = 'avro-confluent',
  'value.fields-include' = 'EXCEPT_KEY',
  'value.avro-confluent.url' = '${registry_url}',
  'value.avro-confluent.subject' = '${price_windows_topic}-value',
  'value.avro-confluent.schema' = '${price_windows_schema}',
  'sink.delivery-guarantee' = 'at-least-once'
);

CREATE TEMPORARY TABLE price_anomalies (
  ${price_anomalies_columns}
) WITH (
  'connector' = 'kafka',
  'topic' = '${price_anomalies_topic}',
  'properties.bootstrap.servers' = '${kafka}',
  'key.format' = 'raw',
  'key.fields' = 'anomaly_id',
  'value.format' = 'avro-confluent',
  'value.avro-confluent.url' = '${registry_url}',
  'value.avro-confluent.subject' = '${price_anomalies_topic}-value',
  'value.avro-confluent.schema' = '${price_anomalies_schema}',
  'sink.delivery-guarantee' = 'at-least-once'
);
