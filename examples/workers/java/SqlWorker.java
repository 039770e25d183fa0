// Sums visits by the hour, as a worker on SQL alone. Needs the PostgreSQL JDBC driver.
//
//     java -cp /usr/share/java/postgresql.jar SqlWorker.java PROCESS JDBC_URL         HEARTBEAT=60 seconds

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.postgresql.PGConnection;

public class SqlWorker {
    static final String NOT_OURS = "55000";                 // SQLSTATE: somebody else has the unit
    static final long HEARTBEAT = (long) (1000 * Double.parseDouble(System.getenv().getOrDefault("HEARTBEAT", "60")));
    static volatile boolean stopping;

    record Unit(long id, int attempt, String timeperiod, OffsetDateTime start, OffsetDateTime end) {}

    final String process;
    final Connection control, work;     // two: signs of life must be seen while the transaction of the work is open
    final ScheduledExecutorService heart = Executors.newSingleThreadScheduledExecutor();

    SqlWorker(String process, Connection control, Connection work) {
        this.process = process;
        this.control = control;
        this.work = work;
    }

    static PreparedStatement prepare(Connection connection, String sql, Object... values) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < values.length; i++) {
            statement.setObject(i + 1, values[i]);
        }
        return statement;
    }

    static void execute(Connection connection, String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, values)) {
            statement.execute();
        }
    }

    Unit claim() throws SQLException {
        try (PreparedStatement statement = prepare(control, """
                SELECT unit_of_work_id, attempt, timeperiod, synergy.timeperiod_start(start_timeperiod),
                    synergy.timeperiod_start(end_timeperiod) FROM synergy.claim(?, 1)""", process);
                ResultSet row = statement.executeQuery()) {
            return !row.next() ? null : new Unit(row.getLong(1), row.getInt(2), row.getString(3),
                row.getObject(4, OffsetDateTime.class), row.getObject(5, OffsetDateTime.class));
        }
    }

    /** The sums and the completion commit together, or not at all. */
    void sumUp(Unit unit) throws SQLException {
        long visits;
        try (PreparedStatement statement = prepare(work, """
                INSERT INTO visit_hourly
                SELECT ?, ?, count(*), coalesce(sum(pages), 0) FROM visit WHERE at >= ? AND at < ?
                ON CONFLICT (process_name, hour) DO UPDATE SET visits = excluded.visits, pages = excluded.pages
                RETURNING visits""", process, unit.start, unit.start, unit.end);
                ResultSet row = statement.executeQuery()) {
            row.next();
            visits = row.getLong(1);
        }
        execute(work, "INSERT INTO visit_ledger VALUES (?, ?, ?, ?, 'java')", unit.id, unit.attempt, process, unit.timeperiod);
        execute(work, "SELECT synergy.complete(?, ?, number_of_processed => ?, number_of_aggregated => 1, attempt => ?)",
            unit.id, visits > 0 ? "processed" : "noop", visits, unit.attempt);
        work.commit();
    }

    void doUnit(Unit unit) throws SQLException {
        // when the unit was taken from us, complete will say so
        var beating = heart.scheduleAtFixedRate(() -> {
            try {
                execute(control, "SELECT synergy.heartbeat(?)", unit.id);
            } catch (SQLException ignored) {
            }
        }, HEARTBEAT, HEARTBEAT, TimeUnit.MILLISECONDS);
        try {
            sumUp(unit);
        } catch (SQLException error) {
            work.rollback();            // throws when the server is gone: the unit is requested again when it is stale
            execute(control, "SELECT synergy.fail(?, ?, ?)", unit.id, error.getMessage(), unit.attempt);
        } finally {
            beating.cancel(false);
        }
    }

    void serve() throws SQLException {
        work.setAutoCommit(false);
        execute(control, "LISTEN synergy");
        while (!stopping) {
            Unit unit = claim();
            if (unit == null) {
                control.unwrap(PGConnection.class).getNotifications(2000);      // also those that came with an answer
                continue;
            }
            try {
                doUnit(unit);
            } catch (SQLException error) {
                if (!NOT_OURS.equals(error.getSQLState())) {
                    throw error;
                }
            }
        }
    }

    public static void main(String[] args) throws InterruptedException {
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {                 // SIGTERM: the unit in work is finished
            stopping = true;
            try {
                main.join();
            } catch (InterruptedException ignored) {
            }
        }));
        while (!stopping) {
            try (Connection control = DriverManager.getConnection(args[1]); Connection work = DriverManager.getConnection(args[1])) {
                SqlWorker worker = new SqlWorker(args[0], control, work);
                try {
                    worker.serve();
                } finally {
                    worker.heart.shutdownNow();
                }
            } catch (SQLException error) {
                System.err.println(error.getMessage() + ": trying again");
                Thread.sleep(1000);
            }
        }
    }
}
