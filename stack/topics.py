"""Creates the topics of schemas.topics that are missing, brings their settings in line, and registers the Avro schemas. One shot."""

import logging
import sys

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it exports these without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.codec import register_schemas
from schemas.topics import PARTITIONS, TOPICS

log = logging.getLogger("stack.topics")

TIMEOUT_S = 30


class TopicsSettings(BaseSettings):
    """Where Kafka and the registry are."""

    model_config = SettingsConfigDict(env_prefix="GPUTICKER_", extra="ignore")

    kafka: str
    registry_url: str


def create_topics(kafka: str) -> list[str]:
    """Create what is missing; the names of all topics of ours. Blocks; raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": kafka})
    wanted = [NewTopic(topic.name, num_partitions=PARTITIONS, replication_factor=1, config=topic.config) for topic in TOPICS]
    for name, future in admin.create_topics(wanted, operation_timeout=TIMEOUT_S).items():
        try:
            future.result(TIMEOUT_S)
            log.info("created %s", name)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
    settings = []
    for topic in TOPICS:
        entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in topic.config.items()]
        settings.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
    for future in admin.incremental_alter_configs(settings).values():
        future.result(TIMEOUT_S)
    return [topic.name for topic in TOPICS]


def main() -> int:
    """Do it once."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    for client in ("httpx", "httpx2"):
        logging.getLogger(client).setLevel(logging.WARNING)
    settings = TopicsSettings()  # type: ignore[call-arg]  # filled from the environment
    create_topics(settings.kafka)
    ids = register_schemas(settings.registry_url)
    log.info("schemas registered: %s", ", ".join(f"{topic} {schema_id}" for topic, schema_id in ids.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
