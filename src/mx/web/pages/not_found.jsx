/*
 * not_found.jsx: an address that leads nowhere.
 */
import { place } from '../lib/router.js';
import { useStore } from '../lib/store.js';
import { visible } from '../lib/text.js';
import { Empty } from '../parts/notice.jsx';
import { PageHead } from '../parts/page.jsx';

export function NotFound() {
  const { path } = useStore(place);
  return (
    <>
      <PageHead title="No such page" />
      <Empty title={`There is nothing at ${visible(path)}`}>
        <p>Perhaps what was there has been removed, or the address was cut off. <a href="/">The overview</a> shows what there is.</p>
      </Empty>
    </>
  );
}
