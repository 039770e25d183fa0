/*
 * theme.js: dark or light, before anything is painted.
 *
 * It is a script of its own, in the head, so that nobody sees a flash of the other theme. Without a choice the
 * system's preference counts, which the styles see to.
 */
try {
  const theme = localStorage.getItem('synergy.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch {
  /* storage may be forbidden; then the system's preference it is */
}
