/*
 * table.jsx: every table of the console.
 *
 * Columns are [{ head, cell(row), isNumber, isWide }]. On a narrow screen each row becomes a card, with the heads as
 * labels; the roles are written out, because browsers forget them when the display of a table is changed.
 */
export function Table({ label, columns, rows, keyOf, rowClass }) {
  return (
    <div class="table-frame">
      <table class="table" role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column.head} role="columnheader" scope="col" class={column.isNumber ? 'num' : undefined}>
                {column.isQuiet ? <span class="sr-only">{column.head}</span> : column.head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row, i) => (
            <tr key={keyOf ? keyOf(row) : i} role="row" class={rowClass?.(row)}>
              {columns.map((column, j) => (
                <td
                  key={column.head}
                  role={j === 0 ? 'rowheader' : 'cell'}
                  data-label={column.isQuiet ? undefined : column.head}
                  class={[column.isNumber && 'num', column.isWide && 'wide'].filter(Boolean).join(' ') || undefined}
                >
                  <Cell>{column.cell(row)}</Cell>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/* One element, so that a card can put the label and it on the two sides; none where there is nothing. */
const Cell = ({ children }) => (children === '' || children === null || children === undefined ? null : <div class="cell">{children}</div>);

/* [term, value] pairs, and true for one that takes the whole width; a pair whose value is null or empty is left out */
export function Facts({ of }) {
  return (
    <dl class="facts">
      {of.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false).map(([term, value, isWhole]) => (
        <div key={term} class={isWhole ? 'whole' : undefined}><dt>{term}</dt><dd>{value}</dd></div>
      ))}
    </dl>
  );
}
