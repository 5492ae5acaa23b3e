// Delays, of which any may be absent.

/** The earliest; undefined when there is none. */
export function earliest(...delaysMs: (number | undefined)[]): number | undefined {
  const present = delaysMs.filter((delay) => delay !== undefined);
  return present.length === 0 ? undefined : Math.min(...present);
}
