-- what the levels say, beside what one direct GROUP BY over the facts says
\pset footer off
SELECT 'month ' || to_char(period, 'YYYY-MM') AS period, flights, delay AS delay_minutes, distance AS distance_miles,
	(flights, delay, distance) IS NOT DISTINCT FROM (d.n, d.delay_minutes, d.distance_miles) AS matches
FROM monthly m FULL JOIN (
	SELECT date_trunc('month', departed_at) AS period, count(*) AS n, sum(delay_minutes) AS delay_minutes,
		sum(distance_miles) AS distance_miles FROM flights GROUP BY 1) d USING (period)
UNION ALL
SELECT 'year ' || to_char(period, 'YYYY'), flights, delay, distance,
	(flights, delay, distance) IS NOT DISTINCT FROM (d.n, d.delay_minutes, d.distance_miles)
FROM yearly y FULL JOIN (
	SELECT date_trunc('year', departed_at) AS period, count(*) AS n, sum(delay_minutes) AS delay_minutes,
		sum(distance_miles) AS distance_miles FROM flights GROUP BY 1) d USING (period)
ORDER BY 1;
