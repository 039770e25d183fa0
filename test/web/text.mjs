/*
 * text.mjs: an hour as pages write it.
 */
export const periodText = (period) => `${period.slice(0, 4)}-${period.slice(4, 6)}-${period.slice(6, 8)} ${period.slice(8, 10)}h`;
