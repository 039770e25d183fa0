/*
 * psql.mjs: one psql that stays, asked over its standard input: a statement costs no process and no login, so that what is
 * measured after it begins with its commit.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/* what psql prints when a statement is over; no row of ours looks so */
const END = '--end-of-statement';

export class Psql {
  constructor(bindir, dsn) {
    this.child = spawn(`${bindir}/psql`, ['-X', '-q', '-A', '-t', dsn], { stdio: ['pipe', 'pipe', 'ignore'], env: { ...process.env, PGOPTIONS: '-c client_min_messages=error' } });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.last = Promise.resolve();
    this.child.stdin.write('\\set VERBOSITY terse\n');
  }

  /* the lines that it prints */
  run(statement) {
    const asked = this.last.catch(() => {}).then(async () => {
      this.child.stdin.write(`${statement}\n;\n\\echo ${END} :ERROR :LAST_ERROR_MESSAGE\n\\set ERROR false\n`);
      const found = [];
      for (;;) {
        const { value, done } = await this.lines.next();
        if (done) throw new Error(`psql has ended at: ${statement}`);
        if (value.startsWith(END)) {
          if (value.startsWith(`${END} true`)) throw new Error(`${value.slice(END.length + 6)}: ${statement}`);
          return found;
        }
        found.push(value);
      }
    });
    this.last = asked;
    return asked;
  }

  async value(statement) {
    return (await this.run(statement))[0];
  }

  /* rows as objects */
  async rows(query) {
    return JSON.parse((await this.run(`SELECT coalesce(json_agg(q), '[]')::jsonb::text FROM (${query}) q`)).join('\n'));
  }

  end() {
    this.child.stdin.end();
  }
}

/* a literal */
export const quote = (text) => (text === null ? 'NULL' : ` E'${String(text).replaceAll('\\', '\\\\').replaceAll("'", "''")}'`);
