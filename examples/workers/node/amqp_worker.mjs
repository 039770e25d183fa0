#!/usr/bin/env node
// Counts the ticks of a period, as a worker on AMQP alone, without any connection to the database. Needs amqplib.
//
//     node amqp_worker.mjs PROCESS URL DIRECTORY       HEARTBEAT=60 seconds
//
// Arguments of the process: "tick", the seconds between two ticks; "pause", how long a unit takes; "bad", an object of
// periods that fail, with the error. The count of each period goes to a file of its name in DIRECTORY.
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp from 'amqplib'

const [process_name, url, directory] = process.argv.slice(2)
const heartbeat = 1000 * (process.env.HEARTBEAT ?? 60)
const stop = new AbortController()
let current = Promise.resolve()                             // the unit in work

process.on('SIGTERM', () => stop.abort())

// the work itself; delivery is at least once, so doing it twice must be as good as doing it once
async function countTicks(message) {
    if (message.omitted) throw new Error('the arguments are too long for a message; this worker cannot read them elsewhere')
    const { tick = 60, pause = 0, bad = {} } = message.arguments
    await sleep(1000 * pause)
    if (message.timeperiod in bad) throw new Error(bad[message.timeperiod])
    const ticks = Math.floor((new Date(message.end_time) - new Date(message.start_time)) / 1000 / tick)
    const file = path.join(directory, message.timeperiod)
    await writeFile(`${file}.new`, `${ticks}\n`)
    await rename(`${file}.new`, file)
    return ticks
}

// resolves when the broker has the report for sure: it is a confirm channel
async function report(channel, { record_db_id, attempt, database }, state, more = {}) {
    const status = { record_db_id, attempt, database, state, ...more }
    channel.sendToQueue('q_uow_status', Buffer.from(JSON.stringify(status)), { contentType: 'application/json', persistent: true })
    await channel.waitForConfirms()
}

async function doUnit(channel, delivery) {
    const message = JSON.parse(delivery.content)
    console.log(`unit ${message.record_db_id}: ${message.timeperiod}, attempt ${message.attempt}`)
    await report(channel, message, 'in_progress')
    const heart = setInterval(() => report(channel, message, 'in_progress').catch(() => {}), heartbeat)
    try {
        const ticks = await countTicks(message)
        await report(channel, message, 'processed', { number_of_processed: ticks, number_of_aggregated: 1 })
    } catch (error) {
        await report(channel, message, 'invalid', { error: error.message })
    } finally {
        clearInterval(heart)
    }
    channel.ack(delivery)                                   // not before the report is safe
}

async function serve(connection) {
    const channel = await connection.createConfirmChannel()
    const broken = Promise.race([once(channel, 'close'), once(connection, 'close')]).then(() => { throw new Error('closed') })
    channel.on('error', (error) => console.error(error.message))        // such as: the queue is not there yet
    await channel.prefetch(1)
    const { consumerTag } = await channel.consume(`queue_${process_name}`, (delivery) => {
        if (!delivery) return channel.close()               // the queue was deleted
        // what fails here is the broker: with the channel closed, the message is delivered again
        current = doUnit(channel, delivery).catch((error) => { console.error(error.message); return channel.close() }).catch(() => {})
    })
    await Promise.race([broken, stop.signal.aborted || once(stop.signal, 'abort')])
    await channel.cancel(consumerTag)
    await current                                           // the unit in work is finished
}

while (!stop.signal.aborted) {
    let connection
    try {
        connection = await amqp.connect(url)
        connection.on('error', (error) => console.error(error.message))
        await serve(connection)
    } catch (error) {
        console.error(`${error.message}: trying again`)
        await sleep(1000, undefined, { signal: stop.signal }).catch(() => {})
    }
    await connection?.close().catch(() => {})
}
