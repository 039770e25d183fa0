/*
 * mx/metrics_sql.h: the metrics, as one statement that makes the text (Prometheus' exposition format, version 0.0.4).
 */
#ifndef SYNERGY_MX_METRICS_SQL_H
#define SYNERGY_MX_METRICS_SQL_H

#define METRICS "SELECT '# nothing yet' || chr(10)"

#endif							/* SYNERGY_MX_METRICS_SQL_H */
