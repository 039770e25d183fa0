/*
 * mx/metrics.h: what other programs watch: /healthz and /metrics.
 */
#ifndef SYNERGY_MX_METRICS_H
#define SYNERGY_MX_METRICS_H

#include "mx/http.h"

extern enum MHD_Result metrics_answer_health(Request *request);
extern enum MHD_Result metrics_answer(Request *request);

#endif							/* SYNERGY_MX_METRICS_H */
