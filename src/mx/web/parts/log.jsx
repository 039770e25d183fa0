/*
 * log.jsx: what a unit's worker has written, live.
 *
 * It begins with the last lines and goes on while the unit is active. It follows the end as long as one is at the
 * end: who scrolls up wants to read. A page holds so many lines and no more; the oldest go.
 */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { get } from '../lib/api.js';
import { path, search } from '../lib/router.js';
import { isActiveUnit } from '../lib/states.js';
import { visible } from '../lib/text.js';
import { number } from '../lib/time.js';
import { ErrorNotice } from './notice.jsx';
import { Time } from './time.jsx';

const FIRST_LINES = 500;
const HELD_LINES = 5000;
const POLL_MS = 1500;

/* from: null for the end of the log, 0 for its beginning */
function useLog(unit, from, mayGrow) {
  const [log, setLog] = useState({ lines: null, error: null, more: false, isCut: false });
  const wake = useRef(null);
  useEffect(() => {
    const abort = new AbortController();
    const url = path`/units/${unit}/log`;
    let lines = [];
    let after = from;
    let timer = null;
    let isActive = true;
    let isCut = false;

    async function read() {
      if (document.hidden) {
        timer = setTimeout(read, POLL_MS);
        return;
      }
      try {
        const answer = await get(url + search({ after, limit: FIRST_LINES }), abort.signal);
        if (answer.lines.length) {
          isCut ||= (after === null && answer.lines.length === FIRST_LINES) || lines.length + answer.lines.length > HELD_LINES;
          lines = [...lines, ...answer.lines].slice(-HELD_LINES);
          after = lines.at(-1).line_no;
        }
        isActive = isActiveUnit(answer.state);
        const hasMore = answer.more && after !== null;
        setLog({ lines, error: null, more: hasMore, isCut });
        if (hasMore && from === null) read();
        else if (isActive && !hasMore) timer = setTimeout(read, POLL_MS);
      } catch (error) {
        if (abort.signal.aborted) return;
        setLog({ lines, error, more: false, isCut });
        timer = setTimeout(read, POLL_MS * 4);
      }
    }
    wake.current = () => {
      clearTimeout(timer);
      read();
    };
    read();
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [unit, from, mayGrow]);
  return [log, () => wake.current?.()];
}

const Lines = ({ lines }) => lines.map((line) => (
  <div key={line.line_no} class={`log-line ${line.stream === 'stderr' ? 'stderr' : ''}`}>
    <span class="log-at"><Time at={line.at} /></span>
    <span class="log-text">{line.stream === 'stderr' && <span class="sr-only">stderr: </span>}{visible(line.line) || '\u00a0'}</span>
  </div>
));

export function Log({ unit, state }) {
  const [from, setFrom] = useState(null);
  const [log, readOn] = useLog(unit, from, isActiveUnit(state));
  const box = useRef(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && isAtEnd.current && from === null) box.current.scrollTop = box.current.scrollHeight;
  }, [log.lines]);

  if (log.error) return <ErrorNotice error={log.error} onRetry={readOn} />;
  if (!log.lines) return <p class="muted">Reading the log…</p>;
  if (!log.lines.length) return <p class="muted calm">{isActiveUnit(state) ? 'Nothing has been written yet.' : 'Nothing was written.'}</p>;
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 20;
  };
  return (
    <div class="log-frame">
      <div class="log" ref={box} role="log" aria-live="off" aria-label={`Output of unit ${unit}`} tabIndex={0} onScroll={onScroll}><Lines lines={log.lines} /></div>
      <div class="log-foot">
        <span class="muted">{log.isCut && 'the last '}{number(log.lines.length)} {log.lines.length === 1 ? 'line' : 'lines'}{isActiveUnit(state) ? ', goes on' : ''}</span>
        {from === null && log.isCut && <button type="button" class="button small" onClick={() => setFrom(0)}>From the beginning</button>}
        {from !== null && <button type="button" class="button small" onClick={() => setFrom(null)}>To the end</button>}
        {log.more && from !== null && <button type="button" class="button small" onClick={readOn}>Further lines</button>}
      </div>
    </div>
  );
}
