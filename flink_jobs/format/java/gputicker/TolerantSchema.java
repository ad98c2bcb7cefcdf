package gputicker;

import java.io.IOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.data.RowData;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Skips records that cannot be read and counts them in the metric undecodableRecords. Two things still fail the job: a registry
 * that does not answer, because good records would be skipped too, and a long run of nothing but unreadable records, because then
 * the schema is wrong and not the records.
 */
final class TolerantSchema implements DeserializationSchema<RowData> {

    private static final long serialVersionUID = 1L;
    private static final Logger LOG = LoggerFactory.getLogger(TolerantSchema.class);
    private static final int MOST_IN_A_ROW = 1000;

    private final DeserializationSchema<RowData> strict;
    private transient Counter undecodable;
    private transient int inARow;

    TolerantSchema(DeserializationSchema<RowData> strict) {
        this.strict = strict;
    }

    @Override
    public void open(InitializationContext context) throws Exception {
        strict.open(context);
        undecodable = context.getMetricGroup().counter("undecodableRecords");
    }

    @Override
    public RowData deserialize(byte[] message) throws IOException {
        if (message == null) {
            return null;
        }
        try {
            RowData row = strict.deserialize(message);
            inARow = 0;
            return row;
        } catch (Exception error) {
            if (isRegistryDown(error)) {
                throw error;
            }
            undecodable.inc();
            inARow++;
            if (inARow == 1) {
                LOG.warn("Skipped a record of {} bytes: {}", message.length, rootCause(error).toString());
            }
            if (inARow > MOST_IN_A_ROW) {
                throw new IOException(MOST_IN_A_ROW + " records in a row cannot be read: is the schema right?", error);
            }
            return null;
        }
    }

    @Override
    public boolean isEndOfStream(RowData row) {
        return strict.isEndOfStream(row);
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return strict.getProducedType();
    }

    private static boolean isRegistryDown(Throwable error) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof SocketException
                    || cause instanceof SocketTimeoutException
                    || cause instanceof UnknownHostException
                    || cause instanceof RestClientException answer && answer.getStatus() >= 500) {
                return true;
            }
        }
        return false;
    }

    private static Throwable rootCause(Throwable error) {
        Throwable cause = error;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }
}
