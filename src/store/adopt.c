/*
 * store/adopt.c: jobs whose units executors have ended before anybody had written that they were requested.
 *
 * They are found by the news of their ends, which are there until a round has applied them; that round finds them in progress then.
 * A job that has had no unit yet can be meant by no other news.
 */
#include "postgres.h"

#include "store/adopt.h"
#include "store/definition.h"
#include "store/spi.h"

static bool
are_there_any(void)
{
	static StoreQuery query = {"SELECT FROM synergy.pending WHERE has_carried LIMIT 1", 0};

	return store_execute(&query, NULL, NULL) > 0;
}

void
adopt_ended_units(void)
{
	static StoreQuery query = {
		"WITH ended AS MATERIALIZED (SELECT u.* FROM synergy.pending n, pg_catalog.unnest(n.unit_of_work_ids) AS i (id), "
		"  LATERAL (SELECT d.unit_of_work_id, d.process_id, d.timeperiod FROM synergy.unit_of_work_data d WHERE d.unit_of_work_id = i.id OFFSET 0) u "
		"  WHERE n.has_carried) "
		"UPDATE synergy.job_data j SET state = 'i', unit_of_work_id = u.unit_of_work_id, number_of_units = 1 FROM ended u "
		"WHERE j.process_id = u.process_id AND j.timeperiod = u.timeperiod AND j.state = 'e' AND j.number_of_units = 0", 0
	};

	if (are_there_any() && store_execute(&query, NULL, NULL) > 0)
		(void) definition_bump_version();
}
