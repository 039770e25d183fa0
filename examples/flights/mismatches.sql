-- the number of periods, on all levels, that differ from one direct GROUP BY over the facts
SELECT count(*) FROM (
	SELECT period FROM (SELECT 'hour' AS unit, * FROM hourly UNION ALL SELECT 'day', * FROM daily
		UNION ALL SELECT 'month', * FROM monthly UNION ALL SELECT 'year', * FROM yearly) mine
	FULL JOIN (
		SELECT unit, date_trunc(unit, departed_at) AS period, count(*) AS n, sum(delay_minutes) AS d, sum(distance_miles) AS m
		FROM flights, unnest(ARRAY['hour', 'day', 'month', 'year']) unit GROUP BY 1, 2) direct USING (unit, period)
	WHERE (coalesce(flights, 0), coalesce(delay, 0), coalesce(distance, 0))
		IS DISTINCT FROM (coalesce(n, 0), coalesce(d, 0), coalesce(m, 0))
	UNION ALL
	SELECT period FROM alerts FULL JOIN (
		SELECT date_trunc('day', departed_at) AS period, round(sum(delay_minutes)::numeric / count(*), 1) AS average
		FROM flights GROUP BY 1 HAVING round(sum(delay_minutes)::numeric / count(*), 1) >= 15) direct USING (period)
	WHERE average_delay IS DISTINCT FROM average) different;
