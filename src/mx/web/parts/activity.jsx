/*
 * activity.jsx: throughput, lag and durations over time, of everything or of one process.
 */
import { useState } from 'preact/hooks';
import { search } from '../lib/router.js';
import { useQuery } from '../lib/query.js';
import { duration, roughly } from '../lib/time.js';
import { Chart } from './chart.jsx';
import { Answer } from './notice.jsx';
import { Section } from './page.jsx';

const RANGES = [[6, '6 h'], [24, '24 h'], [168, '7 d'], [744, '31 d']];
const DONE = [
  { key: 'processed', label: 'processed', color: '--s-p' },
  { key: 'noop', label: 'noop', color: '--s-n' },
  { key: 'canceled', label: 'canceled', color: '--s-s' },
  { key: 'failed', label: 'failed', color: '--s-v' },
];
const LAG = [{ key: 'lag_seconds', label: 'largest lag', color: '--s-f' }];
const DURATION = [{ key: 'duration_seconds', label: 'median duration', color: '--s-i' }];

const minutes = (seconds) => (seconds % 3600 ? `${seconds / 60} min` : `${seconds / 3600} h`);

export function Activity({ process }) {
  const [hours, setHours] = useState(24);
  const query = useQuery(`/activity${search({ process, hours })}`, { names: process ? () => [process] : null, every: 10000 });
  const tools = (
    <div class="choice" role="group" aria-label="Range of time">
      {RANGES.map(([value, text]) => <button key={value} type="button" class="button small" aria-pressed={hours === value} onClick={() => setHours(value)}>{text}</button>)}
    </div>
  );
  return (
    <Section title="Activity" tools={tools}>
      <Answer query={query} rows={4}>
        {({ at, buckets, bucket_seconds: bucketSeconds }) => {
          const from = new Date(Date.parse(at) - hours * 3600000).toISOString();
          const props = { buckets, from, to: at };
          return (
            <div class="charts">
              <Chart title={`Units per ${minutes(bucketSeconds)}`} series={DONE} isStacked {...props} />
              <Chart title="Lag" series={LAG} format={duration} axisFormat={roughly} {...props} />
              <Chart title="Duration" series={DURATION} format={duration} axisFormat={roughly} {...props} />
            </div>
          );
        }}
      </Answer>
    </Section>
  );
}
