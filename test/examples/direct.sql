-- The periods and sites, on all levels, whose statistics differ from one direct GROUP BY over the sessions: the test's
-- second opinion of examples/site_statistics.
WITH fact AS (
	SELECT level, date_trunc(level, ended_at, 'UTC') AS period, s.*
	FROM session s, unnest(ARRAY['hour', 'day', 'month', 'year']) AS level
), direct AS (
	SELECT level, period, site, client, count(*) AS visits, sum(pages) AS pages, sum(extract(epoch FROM ended_at - started_at)) AS seconds
	FROM fact GROUP BY 1, 2, 3, 4
), part AS (
	SELECT level, period, site, jsonb_object_agg(key, visits) AS breakdown FROM (
		SELECT level, period, site, key, count(*) AS visits
		FROM fact, unnest(ARRAY['country ' || country, 'language ' || language, 'os ' || os, 'browser ' || browser,
			'screen ' || screen_x || 'x' || screen_y]) AS key GROUP BY 1, 2, 3, 4) each
	GROUP BY 1, 2, 3
), mine AS (
	SELECT 'hour' AS level, * FROM site_hourly UNION ALL SELECT 'day', * FROM site_daily
	UNION ALL SELECT 'month', * FROM site_monthly UNION ALL SELECT 'year', * FROM site_yearly
), of_sites AS (
	SELECT level, period, site FROM mine FULL JOIN (direct JOIN part USING (level, period, site)) USING (level, period, site)
	WHERE (mine.client, mine.visits, mine.pages, mine.breakdown) IS DISTINCT FROM (direct.client, direct.visits, direct.pages, part.breakdown)
		OR abs(mine.seconds - direct.seconds) > 0.01
), of_clients AS (
	-- these are discrete: only what is over
	SELECT level, period, client
	FROM (SELECT 'hour' AS level, * FROM client_hourly UNION ALL SELECT 'day', * FROM client_daily) own
	FULL JOIN (
		SELECT level, period, client, count(DISTINCT site) AS sites, sum(visits) AS visits, sum(pages) AS pages, sum(seconds) AS seconds
		FROM direct WHERE level IN ('hour', 'day') AND period < date_trunc(level, now(), 'UTC') GROUP BY 1, 2, 3) them
	USING (level, period, client)
	WHERE (own.sites, own.visits, own.pages) IS DISTINCT FROM (them.sites, them.visits, them.pages) OR abs(own.seconds - them.seconds) > 0.01
)
SELECT * FROM of_sites UNION ALL SELECT * FROM of_clients
