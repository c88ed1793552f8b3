import java.lang.reflect.Proxy;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.plugins.IngestPlugin;
import org.elasticsearch.plugins.Plugin;

/** Stands in for the module `ingest-common`: the processors `drop`, `fail`, `remove` and `set`, which do what these do. */
public class IngestProcessors extends Plugin implements IngestPlugin {
    /** Its name is the type that the server tells: `fail_processor_exception`. */
    static class FailProcessorException extends RuntimeException {
        FailProcessorException(String message) {
            super(message);
        }
    }

    /** What a processor does to a document, as its configuration says; `null` drops it. */
    interface Deed extends BiFunction<IngestDocument, Function<String, String>, IngestDocument> {}

    @Override
    public Map<String, Processor.Factory> getProcessors(Processor.Parameters parameters) {
        return Map.of(
            "drop", factory("drop", (document, config) -> null),
            "fail", factory("fail", (document, config) -> {
                throw new FailProcessorException(config.apply("message"));
            }),
            "remove", factory("remove", (document, config) -> {
                document.removeField(config.apply("field"));
                return document;
            }),
            "set", factory("set", (document, config) -> {
                document.setFieldValue(config.apply("field"), config.apply("value"));
                return document;
            }));
    }

    /** By reflection: `create` has one parameter more in version 9. */
    private static Processor.Factory factory(String type, Deed deed) {
        Class<?>[] kinds = {Processor.Factory.class};
        return (Processor.Factory) Proxy.newProxyInstance(IngestProcessors.class.getClassLoader(), kinds,
            (proxy, method, arguments) -> processor(type, (String) arguments[1], (Map<?, ?>) arguments[3], deed));
    }

    private static Processor processor(String type, String tag, Map<?, ?> given, Deed deed) {
        Map<?, ?> config = Map.copyOf(given);
        // What is left over is refused as unknown.
        given.clear();
        return new AbstractProcessor(tag, null) {
            @Override
            public IngestDocument execute(IngestDocument document) {
                return deed.apply(document, name -> String.valueOf(config.get(name)));
            }

            @Override
            public String getType() {
                return type;
            }
        };
    }
}
