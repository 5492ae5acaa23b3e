// Small helpers on JSON values.

/** One text per value, whatever the order of its members. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** Numbers that the API leaves out when they are zero. */
export function nonZero<T extends Record<string, number | undefined>>(numbers: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(numbers).filter(([, value]) => value !== undefined && value !== 0),
  ) as Partial<T>;
}
