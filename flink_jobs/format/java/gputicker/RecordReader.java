package gputicker;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;
import org.apache.flink.formats.avro.registry.confluent.ConfluentSchemaRegistryCoder;
import org.apache.flink.formats.avro.typeutils.GenericRecordAvroTypeInfo;

/**
 * Reads one Avro record in Confluent framing. Flink's own reader keeps a buffering decoder over all records: what one unreadable
 * record leaves in that buffer is taken for the next one, and then no record is ever read again (seen with 2.2.1: after one garbage
 * record, 20 of 20 good ones were lost). Here each record gets a clean decoder and must be used up to its last byte.
 */
final class RecordReader implements DeserializationSchema<GenericRecord> {

    private static final long serialVersionUID = 1L;
    private static final int SCHEMAS_CACHED = 100;

    private final String registryUrl;
    private final String schemaText;
    private transient Schema expected;
    private transient ConfluentSchemaRegistryCoder registry;
    private transient Map<Schema, GenericDatumReader<GenericRecord>> readers;
    private transient BinaryDecoder decoder;

    RecordReader(String registryUrl, String schemaText) {
        this.registryUrl = registryUrl;
        this.schemaText = schemaText;
    }

    @Override
    public void open(InitializationContext context) {
        expected = new Schema.Parser().parse(schemaText);
        registry = new ConfluentSchemaRegistryCoder(new CachedSchemaRegistryClient(registryUrl, SCHEMAS_CACHED));
        readers = new HashMap<>();
    }

    @Override
    public GenericRecord deserialize(byte[] message) throws IOException {
        ByteArrayInputStream bytes = new ByteArrayInputStream(message);
        Schema written = registry.readSchema(bytes);
        decoder = DecoderFactory.get().binaryDecoder(bytes, decoder);
        GenericRecord record =
                readers.computeIfAbsent(written, schema -> new GenericDatumReader<>(schema, expected)).read(null, decoder);
        if (!decoder.isEnd()) {
            throw new IOException("bytes are left over after the record");
        }
        return record;
    }

    @Override
    public boolean isEndOfStream(GenericRecord record) {
        return false;
    }

    @Override
    public TypeInformation<GenericRecord> getProducedType() {
        return new GenericRecordAvroTypeInfo(new Schema.Parser().parse(schemaText));
    }
}
