-- The canonical GPUs, as schemas/gpus.py of the version that migrated last has them. Events of older versions may name others.
CREATE TABLE IF NOT EXISTS gpus
(
    gpu LowCardinality(String),
    vendor LowCardinality(String),
    model LowCardinality(String),
    form_factor LowCardinality(String),
    memory_gib UInt16,
    architecture LowCardinality(String),
    title String,
    slice_of Nullable(String)
)
ENGINE = MergeTree
ORDER BY gpu;
