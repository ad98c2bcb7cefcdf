package gputicker;

import java.util.Set;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.formats.avro.AvroRowDataDeserializationSchema;
import org.apache.flink.formats.avro.AvroToRowDataConverters;
import org.apache.flink.formats.avro.registry.confluent.AvroConfluentFormatOptions;
import org.apache.flink.formats.avro.registry.confluent.RegistryAvroFormatFactory;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/**
 * The format avro-confluent-tolerant (options url and schema, as in avro-confluent): skips and counts the records that cannot be
 * read. avro-confluent itself fails on them, and the job then restarts on the same record for ever.
 */
public final class TolerantAvroFormatFactory implements DeserializationFormatFactory {

    @Override
    public String factoryIdentifier() {
        return "avro-confluent-tolerant";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(AvroConfluentFormatOptions.URL, AvroConfluentFormatOptions.SCHEMA);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DecodingFormat<DeserializationSchema<RowData>> createDecodingFormat(
            DynamicTableFactory.Context context, ReadableConfig options) {
        String url = options.get(AvroConfluentFormatOptions.URL);
        Schema schema = new Schema.Parser().parse(options.get(AvroConfluentFormatOptions.SCHEMA));
        var strict = new RegistryAvroFormatFactory().createDecodingFormat(context, options);
        return new DecodingFormat<>() {
            @Override
            public DeserializationSchema<RowData> createRuntimeDecoder(DynamicTableSource.Context source, DataType type) {
                strict.createRuntimeDecoder(source, type); // refuses columns that are not the schema's
                return new TolerantSchema(
                        new AvroRowDataDeserializationSchema(
                                new RecordReader(url, schema.toString()),
                                AvroToRowDataConverters.createRowConverter((RowType) type.getLogicalType()),
                                source.createTypeInformation(type)));
            }

            @Override
            public ChangelogMode getChangelogMode() {
                return ChangelogMode.insertOnly();
            }
        };
    }
}
