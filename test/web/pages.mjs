/*
 * pages.mjs: the addresses of every page there is, in the usual world.
 */
export async function allPages({ database, start }) {
  const value = (query) => database.value(query);
  const unit = await value(`SELECT max(unit_of_work_id) FROM synergy.unit_of_work WHERE process_name = 'broken_hourly'`);
  const failing = await value(`SELECT timeperiod FROM synergy.unit_of_work WHERE unit_of_work_id = ${unit}`);
  const [year, month] = [`${start.slice(0, 4)}000000`, `${start.slice(0, 6)}0000`];
  return [
    '/', '/?troubled=1', '/timetables/site', `/timetables/site?within=${year}`, `/timetables/site?within=${month}`, `/timetables/site?within=${start}`, '/timetables/client',
    '/jobs', '/jobs?process=site_hourly', `/jobs/site_hourly/${start}`, `/jobs/client_daily/${start}`, `/jobs/broken_hourly/${failing}`,
    '/processes', '/processes/site_daily', '/freeruns', '/freeruns/new', '/freeruns/cleanup/nightly', '/freeruns/cleanup/nightly?edit=1',
    '/units', `/units/${unit}`, '/boxes', '/blocked', '/late', '/garbage', '/events', '/no/such/page',
  ];
}
