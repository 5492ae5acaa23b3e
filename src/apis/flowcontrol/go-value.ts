// A value as upstream's internal Go types print it in the text of an error: members in order and in Go's spelling, absent
// structs, scalars and lists at their zero.

/** A scalar's zero, a struct's members, or `list` and `pointer` of something. */
export type Shape = string | number | boolean | null | { readonly [member: string]: Shape } | List | Pointer;

class List {
  readonly item: Shape;
  constructor(item: Shape) {
    this.item = item;
  }
}
class Pointer {
  readonly to: Shape;
  constructor(to: Shape) {
    this.to = to;
  }
}

export const list = (item: Shape): Shape => new List(item);
export const pointer = (to: Shape): Shape => new Pointer(to);

export function goValue(value: unknown, shape: Shape): unknown {
  if (shape instanceof List) return Array.isArray(value) ? value.map((one) => goValue(one, shape.item)) : null;
  if (shape instanceof Pointer) return value === undefined || value === null ? null : goValue(value, shape.to);
  if (shape === null || typeof shape !== 'object') return value ?? shape;
  const members = (value ?? {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(shape).map(([name, of]) => [
      name.startsWith('api') ? `API${name.slice(3)}` : `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
      goValue(members[name], of),
    ]),
  );
}
