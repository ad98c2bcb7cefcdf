package gputicker;

import java.util.HashSet;
import java.util.Set;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.formats.avro.registry.confluent.RegistryAvroFormatFactory;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.types.DataType;

/**
 * The format avro-confluent-tolerant: reads as avro-confluent does, with the same options, and skips and counts the records that
 * cannot be read. avro-confluent itself fails on them, and the job then restarts on the same record for ever.
 */
public final class TolerantAvroFormatFactory implements DeserializationFormatFactory {

    private final RegistryAvroFormatFactory strict = new RegistryAvroFormatFactory();

    @Override
    public String factoryIdentifier() {
        return "avro-confluent-tolerant";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return strict.requiredOptions();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return new HashSet<>(strict.optionalOptions());
    }

    @Override
    public DecodingFormat<DeserializationSchema<RowData>> createDecodingFormat(
            DynamicTableFactory.Context context, ReadableConfig options) {
        DecodingFormat<DeserializationSchema<RowData>> format = strict.createDecodingFormat(context, options);
        return new DecodingFormat<>() {
            @Override
            public DeserializationSchema<RowData> createRuntimeDecoder(DynamicTableSource.Context source, DataType type) {
                return new TolerantSchema(format.createRuntimeDecoder(source, type));
            }

            @Override
            public ChangelogMode getChangelogMode() {
                return format.getChangelogMode();
            }
        };
    }
}
