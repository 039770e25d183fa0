// Counts the ticks of a period, as a worker on AMQP alone, without any connection to the database. Needs the RabbitMQ
// client, SLF4J and Gson.
//
//     java -cp '/usr/share/java/amqp-client.jar:/usr/share/java/slf4j-api.jar:/usr/share/java/gson.jar' \
//         AmqpWorker.java PROCESS URL DIRECTORY            HEARTBEAT=60 seconds
//
// Arguments of the process: "tick", the seconds between two ticks; "pause", how long a unit takes; "bad", an object of
// periods that fail, with the error. The count of each period goes to a file of its name in DIRECTORY.

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.DefaultConsumer;
import com.rabbitmq.client.Envelope;
import com.rabbitmq.client.ShutdownSignalException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import static java.nio.charset.StandardCharsets.UTF_8;

public class AmqpWorker {
    static final long HEARTBEAT = (long) (1000 * Double.parseDouble(System.getenv().getOrDefault("HEARTBEAT", "60")));
    static volatile boolean stopping;

    record Delivery(long tag, JsonObject message) {}

    final Channel channel;
    final Path directory;

    AmqpWorker(Channel channel, Path directory) {
        this.channel = channel;
        this.directory = directory;
    }

    /** The work itself; delivery is at least once, so doing it twice must be as good as doing it once. */
    long countTicks(JsonObject message) throws Exception {
        if (message.has("omitted") && message.get("omitted").getAsBoolean()) {
            throw new IllegalArgumentException("the arguments are too long for a message; this worker cannot read them elsewhere");
        }
        JsonObject arguments = message.getAsJsonObject("arguments");
        String timeperiod = message.get("timeperiod").getAsString();
        Thread.sleep(arguments.has("pause") ? (long) (1000 * arguments.get("pause").getAsDouble()) : 0);
        if (arguments.has("bad") && arguments.getAsJsonObject("bad").has(timeperiod)) {
            throw new IllegalArgumentException(arguments.getAsJsonObject("bad").get(timeperiod).getAsString());
        }
        Duration period = Duration.between(OffsetDateTime.parse(message.get("start_time").getAsString()),
            OffsetDateTime.parse(message.get("end_time").getAsString()));
        long ticks = period.toSeconds() / (arguments.has("tick") ? arguments.get("tick").getAsLong() : 60);
        Path written = Files.writeString(directory.resolve(timeperiod + ".new"), ticks + "\n");
        Files.move(written, directory.resolve(timeperiod), StandardCopyOption.REPLACE_EXISTING);
        return ticks;
    }

    /** Returns when the broker has the report for sure. By the worker and its heart: one at a time. */
    synchronized void report(JsonObject message, String state, Long processed, String error) throws Exception {
        JsonObject status = new JsonObject();
        for (String key : new String[] {"record_db_id", "attempt", "database"}) {
            status.add(key, message.get(key));
        }
        status.addProperty("state", state);
        status.addProperty("number_of_processed", processed);
        status.addProperty("error", error);
        channel.basicPublish("", "q_uow_status",
            new AMQP.BasicProperties.Builder().contentType("application/json").deliveryMode(2).build(), status.toString().getBytes(UTF_8));
        channel.waitForConfirmsOrDie(30_000);
    }

    void doUnit(Delivery delivery) throws Exception {
        JsonObject message = delivery.message;
        System.out.println("unit " + message.get("record_db_id") + ": " + message.get("timeperiod") + ", attempt " + message.get("attempt"));
        report(message, "in_progress", null, null);
        var heart = Executors.newSingleThreadScheduledExecutor();
        heart.scheduleAtFixedRate(() -> {
            try {
                report(message, "in_progress", null, null);
            } catch (Exception ignored) {
            }
        }, HEARTBEAT, HEARTBEAT, TimeUnit.MILLISECONDS);
        Long ticks = null;
        String error = null;
        try {
            ticks = countTicks(message);
        } catch (Exception failure) {
            error = failure.toString();
        } finally {
            heart.shutdown();
        }
        report(message, error == null ? "processed" : "invalid", ticks, error);
        channel.basicAck(delivery.tag, false);              // not before the report is safe
    }

    void serve(String process) throws Exception {
        var deliveries = new ArrayBlockingQueue<Delivery>(1);
        channel.confirmSelect();
        channel.basicQos(1);
        channel.basicConsume("queue_" + process, false, new DefaultConsumer(channel) {
            @Override
            public void handleDelivery(String tag, Envelope envelope, AMQP.BasicProperties properties, byte[] body) {
                deliveries.add(new Delivery(envelope.getDeliveryTag(), JsonParser.parseString(new String(body, UTF_8)).getAsJsonObject()));
            }
        });
        while (!stopping && channel.isOpen()) {
            Delivery delivery = deliveries.poll(500, TimeUnit.MILLISECONDS);
            if (delivery != null) {
                doUnit(delivery);
            }
        }
    }

    public static void main(String[] args) throws Exception {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {                 // SIGTERM: the unit in work is finished
            stopping = true;
            try {
                main.join();
            } catch (InterruptedException ignored) {
            }
        }));
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(args[1]);
        factory.setAutomaticRecoveryEnabled(false);         // a new connection gets what was not acknowledged on the old one
        while (!stopping) {
            try (Connection connection = factory.newConnection()) {
                new AmqpWorker(connection.createChannel(), Path.of(args[2])).serve(args[0]);
            } catch (IOException | TimeoutException | ShutdownSignalException error) {      // also: the queue is not there yet
                System.err.println(error + ": trying again");
                Thread.sleep(1000);
            }
        }
    }
}
