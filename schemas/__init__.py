"""The shared language: Avro schemas, topics, wire codec, GPUs and the closed vocabularies."""
