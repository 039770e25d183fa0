#!/usr/bin/env node
// Sums visits by the hour, as a worker on SQL alone. Needs pg.
//
//     node sql_worker.mjs PROCESS [URL]        without a URL: PGHOST, PGDATABASE, ... ; HEARTBEAT=60 seconds
import pg from 'pg'

const [process_name, connectionString] = process.argv.slice(2)
const heartbeat = 1000 * (process.env.HEARTBEAT ?? 60)
const NOT_OURS = '55000'                                    // SQLSTATE: somebody else has the unit
let stopping = false
let wake = () => {}
let woken = false

process.on('SIGTERM', () => { stopping = true; wake() })

// the sums and the completion commit together, or not at all
async function sumUp(work, unit) {
    await work.query('BEGIN')
    try {
        const { rows: [{ visits }] } = await work.query(`
            INSERT INTO visit_hourly
            SELECT $1, $2, count(*), coalesce(sum(pages), 0) FROM visit WHERE at >= $2 AND at < $3
            ON CONFLICT (process_name, hour) DO UPDATE SET visits = excluded.visits, pages = excluded.pages
            RETURNING visits`, [process_name, unit.start_time, unit.end_time])
        await work.query('INSERT INTO visit_ledger VALUES ($1, $2, $3, $4, $5)',
            [unit.unit_of_work_id, unit.attempt, process_name, unit.timeperiod, 'node'])
        await work.query('SELECT synergy.complete($1, $2, number_of_processed => $3, number_of_aggregated => 1, attempt => $4)',
            [unit.unit_of_work_id, visits > 0 ? 'processed' : 'noop', visits, unit.attempt])
        await work.query('COMMIT')
    } catch (error) {
        await work.query('ROLLBACK').catch(() => {})
        throw error
    }
}

async function doUnit(control, work, unit) {
    // signs of life; when the unit was taken from us, complete will say so
    const heart = setInterval(() => control.query('SELECT synergy.heartbeat($1)', [unit.unit_of_work_id]).catch(() => {}), heartbeat)
    try {
        await sumUp(work, unit)
    } catch (error) {
        if (!error.severity) throw error                    // not from the server: it is gone, and the unit will be stale
        if (error.code === NOT_OURS) return                 // what we did was rolled back
        await control.query('SELECT synergy.fail($1, $2, $3)', [unit.unit_of_work_id, error.message, unit.attempt])
            .catch((late) => { if (late.code !== NOT_OURS) throw late })
    } finally {
        clearInterval(heart)
    }
}

async function serve(control, work) {
    control.on('notification', ({ payload }) => { if (payload === process_name) { woken = true; wake() } })
    await control.query('LISTEN synergy')
    while (!stopping) {
        woken = false
        const { rows: [unit] } = await control.query(`
            SELECT unit_of_work_id, attempt, timeperiod, synergy.timeperiod_start(start_timeperiod) AS start_time,
                synergy.timeperiod_start(end_timeperiod) AS end_time FROM synergy.claim($1, 1)`, [process_name])
        if (unit) await doUnit(control, work, unit)
        else if (!woken) await idle(30)                     // a look now and then, for notifications that went astray
    }
}

function idle(seconds) {
    return new Promise((resolve) => {
        const timer = setTimeout(resolve, 1000 * seconds)
        wake = () => { clearTimeout(timer); resolve() }
    })
}

while (!stopping) {
    // two connections: signs of life must be seen while the transaction of the work is open
    const clients = [new pg.Client({ connectionString }), new pg.Client({ connectionString })]
    try {
        for (const client of clients) {
            client.on('error', () => wake())                // the next query will fail
            await client.connect()
        }
        await serve(...clients)
    } catch (error) {
        console.error(`${error.message}: trying again`)
        await idle(1)
    }
    await Promise.allSettled(clients.map((client) => client.end()))
}
