"""The polling process: asks every source, writes the newest offers to Redis, and publishes what changed to Kafka."""
