// Drawn in the browser only: what is shown depends on who looks.
export const ssr = false;
export const prerender = false;
