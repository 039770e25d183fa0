/*
 * Paths of real jobs (test/model/replay.py): is there a way through the model on which just this is committed?
 *
 * The paths are a table, traces.h, made for each run. The scheduler chooses one of them at its start; from then on every commit
 * must leave job and units as they were, or as the path's next observation has them. What does not is not looked at any further.
 * Who comes to a path's end says so, and that path is not looked for again: so a complete search has told of each path whether
 * it is the model's. The rest of the model is as it is, and free.
 */
byte path, place;

c_decl {
	\#include "traces.h"
	static int is_found[N_PATHS];

	/* of the job and the first units */
	static int is_seen(int path, int place, const unsigned char *now_seen)
	{
		for (int i = 0; i < SEEN; i++)
			if (paths[path][place][i] != now_seen[i])
				return 0;
		return 1;
	}
}

/* and what may happen on the way: no more than what is seen asks for */
inline choose_path()
{
	do :: path < PATHS - 1 -> path++ :: break od;
	c_code {
		now.operations = bounds[now.path][0];
		now.timers = bounds[now.path][1];
		now.failures = bounds[now.path][2];
		now.deaths = bounds[now.path][3];
		now.stale = bounds[now.path][4];
	};
}

/* the job, its unit, and state and attempt of each */
inline observe()
{
	c_code {
		unsigned char seen[SEEN] = {0};

		seen[0] = now.j_state;
		seen[1] = now.j_unit;
		for (int i = 1; i <= UNITS; i++)
		{
			seen[2 * i] = now.u_state[i];
			seen[2 * i + 1] = now.u_state[i] ? now.u_attempt[i] : 0;
		}
		if (is_found[now.path])
			now.exhausted = 1;
		else if (!is_seen(now.path, now.place, seen))
		{
			if (is_seen(now.path, now.place + 1, seen))
				now.place++;
			else
				now.exhausted = 1;
			if (!now.exhausted && now.place + 1 == lengths[now.path])
			{
				is_found[now.path] = now.exhausted = 1;
				printf("path %d is found\n", now.path);
			}
		}
	}
	if :: exhausted -> path = 0; place = 0 :: else fi
}
