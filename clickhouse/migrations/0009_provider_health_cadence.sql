ALTER TABLE provider_health
    ADD COLUMN IF NOT EXISTS cadence_fastest_s Float64 DEFAULT 0 CODEC(ZSTD(1)) AFTER cadence_s,
    ADD COLUMN IF NOT EXISTS cadence_slowest_s Float64 DEFAULT 0 CODEC(ZSTD(1)) AFTER cadence_fastest_s,
    ADD COLUMN IF NOT EXISTS changed Int32 DEFAULT 0 CODEC(ZSTD(1)) AFTER cadence_slowest_s,
    ADD COLUMN IF NOT EXISTS unchanged_answers Int32 DEFAULT 0 CODEC(ZSTD(1)) AFTER changed,
    ADD COLUMN IF NOT EXISTS bytes_saved Int64 DEFAULT 0 CODEC(ZSTD(1)) AFTER unchanged_answers;
