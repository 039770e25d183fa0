/*
 * world.mjs: what the pages show: databases with a scheduler, an agent and a console each, and people who log in.
 *
 * Work of the notify processes is only done when a test does it by SQL, so that what a page shows is known beforehand.
 */
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { Psql, quote } from './psql.mjs';
import { ok, until } from './report.mjs';

export const PASSWORD = 'a long password';
export const ROLES = { viewer: 'web_viewer', operator: 'web_operator', author: 'web_author' };

/* names that somebody may give, on purpose or not */
export const HOSTILE = [
  '<img src=x onerror=alert(1)>', `it's "quoted" \\ and & <b>`, 'a/slash and %2F and ?x=1#y', 'n'.repeat(63), 'ערך עברי', '🚀 rocket', "javascript:alert(1)//'",
];

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/* options: dsn of a superuser over the socket, host and port for everybody else, bindir and program */
export class World {
  constructor(options, name) {
    Object.assign(this, options, { name, children: [] });
  }

  async begin() {
    this.server = new Psql(this.bindir, `${this.dsn} dbname=postgres`);
    for (const role of ['synergy_mx', ...Object.values(ROLES)])
      await this.server.run(`DO $do$ BEGIN CREATE ROLE ${role} LOGIN PASSWORD ${quote(PASSWORD)}; EXCEPTION WHEN duplicate_object THEN END $do$`);
    await this.server.run(`DROP DATABASE IF EXISTS ${this.name} WITH (FORCE)`);
    await this.server.run(`CREATE DATABASE ${this.name}`);
    for (const setting of ["timezone = 'UTC'", "synergy.trigger_lag = '0'", "synergy.gc_interval = '500ms'", "synergy.gc_release_lag = '1 d'"])
      await this.server.run(`ALTER DATABASE ${this.name} SET ${setting}`);
    this.database = new Psql(this.bindir, `${this.dsn} dbname=${this.name}`);
    await this.database.run('CREATE EXTENSION synergy');
    await this.database.run(`SELECT synergy.grant('viewer', 'synergy_mx')`);
    for (const [privilege, role] of Object.entries(ROLES)) await this.database.run(`SELECT synergy.grant('${privilege}', '${role}')`);
    await this.database.run(`SELECT synergy.grant('operator', '${ROLES.author}')`);
    this.port = await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    await this.startConsole();
    return this;
  }

  child(...command) {
    const child = spawn(this.program, command, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PGPASSWORD: PASSWORD } });
    child.said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { child.said += data; });
    child.ended = new Promise((done) => child.on('close', (code, signal) => done(signal ?? code)));
    child.ended.then((how) => child.isStopped || ok(false, `${command[0]} goes on`, `it ended with ${how}: ${child.said.slice(-3000)}`));
    this.children.push(child);
    return child;
  }

  async startConsole() {
    this.console = this.child('mx', '--listen', `127.0.0.1:${this.port}`, '--verbose', `host=${this.host} port=${this.serverPort} dbname=${this.name} user=synergy_mx`);
    const isUp = () => fetch(`${this.url}/healthz`).then((answer) => answer.ok, () => false);
    if (!(await until(isUp, 30000))) throw new Error(`synergy mx does not begin: ${this.console.said}`);
  }

  async stopConsole() {
    this.console.isStopped = true;
    this.console.kill('SIGTERM');
    await this.console.ended;
  }

  async startAgent(box) {
    this.child('agent', '--box', box, '--slots', '4', `${this.dsn} dbname=${this.name}`);
    await until(() => this.database.value(`SELECT true FROM synergy.box WHERE box_name = ${quote(box)}`), 30000);
  }

  async end() {
    for (const child of this.children) {
      child.isStopped = true;
      child.kill('SIGTERM');
    }
    await Promise.all(this.children.map((child) => child.ended));
    this.database.end();
    this.server.end();
  }

  // ------------------------------------------------------------ definitions

  timetable(name, start, dependencies = []) {
    return this.database.run(`SELECT synergy.register_timetable(${quote(name)}, ARRAY[${dependencies.map(quote).join()}]::text[], '${start}')`);
  }

  process(name, qualifier, tree, worker, command, options = {}) {
    const named = Object.entries({ trigger_frequency: 'every 1 hour', ...options }).map(([key, value]) => `, ${key} => ${quote(typeof value === 'object' ? JSON.stringify(value) : value)}`).join('');
    return this.database.run(`SELECT synergy.register_process(${quote(name)}, '${qualifier}', ${quote(command)}, '${worker}', tree_name => ${quote(tree)}${named})`);
  }

  freerun(process, entry, trigger, command, worker = 'sql', description = null) {
    return this.database.run(`SELECT synergy.register_freerun(${quote(process)}, ${quote(entry)}, ${quote(trigger)}, ${quote(command)}, '${worker}', description => ${quote(description)})`);
  }

  trigger(process) {
    return this.database.run(`SELECT synergy.trigger_now(${quote(process)})`);
  }

  /* takes the oldest unit of a notify process that is requested; null when there is none within the time */
  async claim(process) {
    return until(async () => (await this.database.rows(`SELECT unit_of_work_id AS id, attempt, timeperiod FROM synergy.claim(${quote(process)})`))[0]);
  }

  /* takes the unit of a period */
  async take(process, period) {
    const id = await until(() => this.database.value(`SELECT unit_of_work_id FROM synergy.unit_of_work WHERE process_name = ${quote(process)} AND timeperiod = '${period}' AND state = 'requested'`));
    return id && (await this.database.rows(`SELECT unit_of_work_id AS id, attempt, timeperiod FROM synergy.start(${id})`))[0];
  }

  complete(unit, state = 'processed') {
    return this.database.run(`SELECT synergy.complete(${unit.id}, '${state}', 1000, 10, ${unit.attempt})`);
  }

  jobState(process, period) {
    return this.database.value(`SELECT state FROM synergy.job WHERE process_name = ${quote(process)} AND timeperiod = '${period}'`);
  }

  /* a period so many of its units ago, 0 for the present one */
  period(qualifier, ago) {
    return this.database.value(`SELECT synergy.timeperiod_step('${qualifier}', synergy.timeperiod_at('${qualifier}', synergy.now()), ${-ago})`);
  }
}

/* The world that most tests are about. */
export async function usualWorld(options) {
  const world = await new World(options, 'synergy_web').begin();
  const day = `${(await world.period('daily', 2)).slice(0, 8)}00`;
  world.start = day;
  const many = { options: { concurrency: 100 } };
  await world.timetable('site', day);
  await world.timetable('client', day, ['site']);
  await world.timetable('broken', await world.period('hourly', 3));
  for (const [level, qualifier] of [['yearly', 'yearly'], ['monthly', 'monthly'], ['daily', 'daily'], ['hourly', 'hourly']])
    await world.process(`site_${level}`, qualifier, 'site', 'notify', null, many);
  await world.process('client_daily', 'daily', 'client', 'notify', null, { ...many, blocking_type: 'dependencies' });
  await world.process('broken_hourly', 'hourly', 'broken', 'sql', `SELECT 1 / 0 AS "what a pity"`);
  await world.database.run(`SET ROLE ${ROLES.author}`);
  await world.process('own_monthly', 'monthly', null, 'notify', null);
  await world.database.run('RESET ROLE');
  await world.freerun('cleanup', 'nightly', '30 2 * * *', 'SELECT 1', 'sql', 'Removes what nobody needs');
  await world.freerun('counter', 'slow', 'every 1 d', 'for i in 1 2 3 4 5 6 7 8; do echo "line $i of the output"; sleep 0.5; done', 'exec');
  await world.database.run(`SELECT synergy.register_daemon('collector', 'exec sleep 1000')`);
  await world.startAgent('etl-1');
  for (const process of ['site_hourly', 'site_daily', 'broken_hourly', 'client_daily']) await world.trigger(process);
  await until(() => world.database.value(`SELECT true FROM synergy.unit_of_work WHERE process_name = 'broken_hourly' AND state = 'invalid'`));
  /* the numbers of lines do not begin with 1 for each unit */
  await world.database.run(`SELECT synergy.log(max(unit_of_work_id), 'a line of another unit') FROM synergy.unit_of_work WHERE process_name = 'broken_hourly'`);
  for (let i = 0; i < 3; i++) await world.complete(await world.claim('site_hourly'));
  return world;
}
