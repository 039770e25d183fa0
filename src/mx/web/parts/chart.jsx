/*
 * chart.jsx: charts over time, drawn by uPlot, and sparklines in tables, drawn as SVG.
 *
 * A chart is a picture to a screen reader, with what matters as its name; a table with its numbers opens below it.
 */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { theme, zone } from '../lib/settings.js';
import { useStore } from '../lib/store.js';
import { duration, number } from '../lib/time.js';
import { Table } from './table.jsx';
import { Time } from './time.jsx';

const HEIGHT = 150;

/* steps of an axis: things are whole, and an hour has sixty minutes */
const COUNT_STEPS = [1, 2, 5].flatMap((n) => [...Array(9).keys()].map((power) => n * 10 ** power)).sort((a, b) => a - b);
const SECOND_STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, ...[1, 2, 5].flatMap((n) => [0, 1, 2, 3].map((power) => n * 86400 * 10 ** power)).sort((a, b) => a - b)];

/* What a custom property is right now: a canvas knows no variables. */
function colorOf(element, name) {
  element.style.color = `var(${name})`;
  const { color } = getComputedStyle(element);
  element.style.color = '';
  return color;
}

/* Bars that stand on each other: each series is drawn up to the sum of those below it, the largest first. */
function stacked(columns) {
  const sums = columns[0].map(() => 0);
  return columns.map((column) => column.map((value, i) => (sums[i] += value ?? 0))).reverse();
}

function optionsOf({ series, isStacked, axisFormat, width, element, isUtc, rangeOf }) {
  const ink = colorOf(element, '--muted');
  const line = colorOf(element, '--line');
  const axis = { stroke: ink, font: '11px ui-sans-serif, system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1, size: 4 } };
  const bars = uPlot.paths.bars({ size: [0.85, 20] });
  const drawn = isStacked ? [...series].reverse() : series;
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    tzDate: (seconds) => (isUtc ? uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') : new Date(seconds * 1000)),
    scales: { x: { range: () => rangeOf() }, y: { range: (_, low, high) => [0, high > 0 ? high * 1.08 : 1] } },
    axes: [{ ...axis, size: 26, grid: { show: false }, values: timeLabels(isUtc) }, { ...axis, size: 58, incrs: isStacked ? COUNT_STEPS : SECOND_STEPS, values: (_, ticks) => ticks.map(axisFormat) }],
    series: [{}, ...drawn.map(({ label, color }) => ({
      label,
      stroke: colorOf(element, color),
      fill: isStacked ? colorOf(element, color) : undefined,
      width: isStacked ? 0 : 1.5,
      paths: isStacked ? bars : undefined,
      points: { show: !isStacked, size: 4, fill: colorOf(element, color) },
      spanGaps: true,
    }))],
  };
}

/* Short: hours within a day, days beyond it. */
function timeLabels(isUtc) {
  const two = (n) => String(n).padStart(2, '0');
  return (_, ticks) => ticks.map((seconds) => {
    const at = new Date(seconds * 1000);
    const [month, day, hour, minute] = isUtc
      ? [at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()]
      : [at.getMonth() + 1, at.getDate(), at.getHours(), at.getMinutes()];
    return hour || minute ? `${two(hour)}:${two(minute)}` : `${two(month)}-${two(day)}`;
  });
}

/* buckets: of /activity; series: [{ key, label, color }]; format: of the values */
export function Chart({ title, buckets, from, to, series, isStacked = false, format = number, axisFormat = number }) {
  const element = useRef(null);
  const plot = useRef(null);
  const shownTheme = useStore(theme);
  const shownZone = useStore(zone);
  const times = buckets.map((bucket) => Date.parse(bucket.at) / 1000);
  const columns = series.map(({ key }) => buckets.map((bucket) => bucket[key] ?? null));
  const data = [times, ...(isStacked && times.length ? stacked(columns) : columns)];
  const range = [Date.parse(from) / 1000, Date.parse(to) / 1000];
  const last = useRef(null);
  last.current = { data, range };

  useEffect(() => {
    const target = element.current;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(
        optionsOf({ series, isStacked, axisFormat, width: target.clientWidth, element: target, isUtc: shownZone === 'utc', rangeOf: () => last.current.range }),
        last.current.data,
        target,
      );
    };
    draw();
    const resize = new ResizeObserver(() => {
      if (Math.abs(target.clientWidth - plot.current.width) > 1) plot.current.setSize({ width: target.clientWidth, height: HEIGHT });
    });
    resize.observe(target);
    const preference = matchMedia('(prefers-color-scheme: dark)');
    preference.addEventListener('change', draw);
    return () => {
      preference.removeEventListener('change', draw);
      resize.disconnect();
      plot.current.destroy();
      plot.current = null;
    };
    /* series and formats are constants of the pages */
  }, [shownTheme, shownZone]);

  useEffect(() => {
    plot.current?.setData(last.current.data);
  }, [buckets]);

  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-keys">{series.map(({ key, label, color }) => <span key={key} class={`chart-key k${color}`}>{label}</span>)}</span>
      </figcaption>
      <div class="plot" ref={element} role="img" aria-label={`${title}: ${describe(buckets, series, format)}`} />
      <details class="chart-data">
        <summary>Numbers</summary>
        <Table
          label={title}
          rows={[...buckets].reverse()}
          keyOf={(bucket) => bucket.at}
          columns={[{ head: 'from', cell: (bucket) => <Time at={bucket.at} /> }, ...series.map(({ key, label }) => ({ head: label, isNumber: true, cell: (bucket) => (bucket[key] === null ? '' : format(bucket[key])) }))]}
        />
      </details>
    </figure>
  );
}

function describe(buckets, series, format) {
  if (!buckets.length) return 'nothing in this time';
  return series.map(({ key, label }) => `${label} at most ${format(Math.max(...buckets.map((bucket) => bucket[key] ?? 0)))}`).join(', ');
}

const WIDTH = 90;
const TALL = 20;

/* The last durations of a process; its title says from what to what. */
export function Sparkline({ values }) {
  if (!values?.length) return <span class="muted">–</span>;
  const high = Math.max(...values, 0.001);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const points = values.map((value, i) => `${(i * step).toFixed(1)},${(TALL - 1.5 - (value / high) * (TALL - 3)).toFixed(1)}`);
  const text = `last ${duration(values.at(-1))}, between ${duration(Math.min(...values))} and ${duration(high)}`;
  return (
    <span class="spark" title={text}>
      <svg role="img" aria-label={text} viewBox={`0 0 ${WIDTH} ${TALL}`} width={WIDTH} height={TALL}><polyline points={points.join(' ')} /></svg>
      <span class="spark-last">{duration(values.at(-1))}</span>
    </span>
  );
}
