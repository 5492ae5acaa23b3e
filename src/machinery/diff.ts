// Unified diffs of values, as upstream's messages about immutable parts end with one (k8s.io/apimachinery/pkg/util/diff: Python's
// difflib over indented JSON). Upstream prints its internal form: fields under Go's names, in the order of the struct, with
// their zero values; a form says what that is for a type. Pure.

/** Lines in common: `size` of them from `a` on in the one text and from `b` on in the other. */
interface Match {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}

/** A stretch in which the texts are the same or differ, by indexes into both. */
interface Stretch {
  readonly same: boolean;
  readonly a: readonly [from: number, to: number];
  readonly b: readonly [from: number, to: number];
}

/**
 * How many lines are compared, again and again, for what two texts have in common: what is left then counts as different. Objects
 * of thousands of lines that differ in every third would take minutes otherwise.
 */
const linesMax = 500_000;

/** Lines more frequent than this in a long text are no anchors. */
const popularFrom = 200;

function anchorsOf(lines: readonly string[]): Map<string, number[]> {
  const anchors = new Map<string, number[]>();
  lines.forEach((line, i) => {
    const at = anchors.get(line);
    if (at) at.push(i);
    else anchors.set(line, [i]);
  });
  if (lines.length >= popularFrom)
    for (const [line, at] of anchors) if (at.length > Math.floor(lines.length / 100) + 1) anchors.delete(line);
  return anchors;
}

function matches(a: readonly string[], b: readonly string[]): Match[] {
  const anchors = anchorsOf(b);
  const out: Match[] = [];
  let budget = linesMax;
  const longest = (aFrom: number, aTo: number, bFrom: number, bTo: number): Match => {
    let best: Match = { a: aFrom, b: bFrom, size: 0 };
    let lengths = new Map<number, number>();
    for (let i = aFrom; i < aTo && budget > 0; i++) {
      budget--;
      const next = new Map<number, number>();
      for (const j of anchors.get(a[i] as string) ?? []) {
        if (j < bFrom) continue;
        if (j >= bTo) break;
        budget--;
        const size = (lengths.get(j - 1) ?? 0) + 1;
        next.set(j, size);
        if (size > best.size) best = { a: i - size + 1, b: j - size + 1, size };
      }
      lengths = next;
    }
    let { a: i, b: j, size } = best;
    while (i > aFrom && j > bFrom && a[i - 1] === b[j - 1]) [i, j, size] = [i - 1, j - 1, size + 1];
    while (i + size < aTo && j + size < bTo && a[i + size] === b[j + size]) size++;
    return { a: i, b: j, size };
  };
  const visit = (aFrom: number, aTo: number, bFrom: number, bTo: number): void => {
    const match = longest(aFrom, aTo, bFrom, bTo);
    if (match.size === 0) return;
    if (aFrom < match.a && bFrom < match.b) visit(aFrom, match.a, bFrom, match.b);
    out.push(match);
    if (match.a + match.size < aTo && match.b + match.size < bTo)
      visit(match.a + match.size, aTo, match.b + match.size, bTo);
  };
  visit(0, a.length, 0, b.length);
  return [...out, { a: a.length, b: b.length, size: 0 }];
}

function stretches(a: readonly string[], b: readonly string[]): Stretch[] {
  const out: Stretch[] = [];
  const push = (stretch: Stretch): void => {
    const last = out.at(-1);
    if (stretch.a[0] === stretch.a[1] && stretch.b[0] === stretch.b[1]) return;
    if (last?.same && stretch.same)
      out.push({ same: true, a: [(out.pop() as Stretch).a[0], stretch.a[1]], b: [last.b[0], stretch.b[1]] });
    else out.push(stretch);
  };
  let [i, j] = [0, 0];
  for (const match of matches(a, b)) {
    push({ same: false, a: [i, match.a], b: [j, match.b] });
    [i, j] = [match.a + match.size, match.b + match.size];
    push({ same: true, a: [match.a, i], b: [match.b, j] });
  }
  return out;
}

const context = 3;

/** Changes with the lines around them: what is the same for long splits one hunk from the next. */
function hunks(all: readonly Stretch[]): Stretch[][] {
  const out: Stretch[][] = [];
  let hunk: Stretch[] = [];
  all.forEach((stretch, i) => {
    const { a, b, same } = stretch;
    const length = a[1] - a[0];
    if (!same) hunk.push(stretch);
    else if (i === 0) hunk.push(tail(stretch));
    else if (i === all.length - 1) hunk.push(head(stretch));
    else if (length > 2 * context) {
      out.push([...hunk, head(stretch)]);
      hunk = [tail(stretch)];
    } else hunk.push({ same, a, b });
  });
  out.push(hunk);
  return out.filter((one) => one.some(({ same }) => !same));
}
const head = ({ a, b, same }: Stretch): Stretch => ({
  same,
  a: [a[0], Math.min(a[1], a[0] + context)],
  b: [b[0], Math.min(b[1], b[0] + context)],
});
const tail = ({ a, b, same }: Stretch): Stretch => ({
  same,
  a: [Math.max(a[0], a[1] - context), a[1]],
  b: [Math.max(b[0], b[1] - context), b[1]],
});

function rangeText(from: number, to: number): string {
  const length = to - from;
  return length === 1 ? String(from + 1) : `${length === 0 ? from : from + 1},${length}`;
}

/** Hunks with three lines of context and no file names; '' when there is no difference. */
export function unifiedDiff(a: string, b: string): string {
  const left = a.split('\n');
  const right = b.split('\n');
  let out = '';
  for (const hunk of hunks(stretches(left, right))) {
    const [first, last] = [hunk[0] as Stretch, hunk.at(-1) as Stretch];
    out += `@@ -${rangeText(first.a[0], last.a[1])} +${rangeText(first.b[0], last.b[1])} @@\n`;
    for (const { same, a: old, b: now } of hunk) {
      const lines = (sign: string, of: readonly string[], [from, to]: readonly [number, number]): void => {
        for (const line of of.slice(from, to)) out += `${sign}${line}\n`;
      };
      lines(same ? ' ' : '-', left, old);
      if (!same) lines('+', right, now);
    }
  }
  return out;
}

/**
 * Go's struct as text, a field after the other: `Name:json=kind`, or `Name:json{fields}` of a pointer to a struct and
 * `Name:json[fields]` of a struct itself, `Name:json(fields)` of a list of them. Kinds are the zero values: s '', b false, i 0, p null;
 * o is left out, and so is what is empty there.
 */
export type GoForm = string;

type Kind = keyof typeof zeros;
interface Field {
  readonly name: string;
  readonly json: string;
  readonly of: Kind | { readonly as: 'pointer' | 'struct' | 'list'; readonly fields: readonly Field[] };
}

const zeros = { s: '', b: false, i: 0, p: null, o: undefined } as const;
const shapes = { '{': 'pointer', '[': 'struct', '(': 'list' } as const;
const parsed = new Map<GoForm, readonly Field[]>();

function fieldsOf(form: GoForm): readonly Field[] {
  let fields = parsed.get(form);
  if (fields === undefined) {
    fields = splitFields(form).map((field): Field => {
      const [, name = '', json = '', sign = '', rest = ''] = /^(\w+):(\w+)([={[(])(.*)$/.exec(field) ?? [];
      if (sign === '=') return { name, json, of: rest as Kind };
      return { name, json, of: { as: shapes[sign as keyof typeof shapes], fields: fieldsOf(rest.slice(0, -1)) } };
    });
    parsed.set(form, fields);
  }
  return fields;
}

function splitFields(form: GoForm): string[] {
  const out: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i <= form.length; i++) {
    const c = form[i];
    if (c !== undefined && '{[('.includes(c)) depth++;
    else if (c !== undefined && '}])'.includes(c)) depth--;
    else if ((c === ' ' || c === undefined) && depth === 0) {
      if (i > from) out.push(form.slice(from, i));
      from = i + 1;
    }
  }
  return out;
}

/** `value` under Go's names. Fields that the form does not name are left out. */
export const goFormOf = (form: GoForm, value: object | undefined): Record<string, unknown> =>
  shaped(fieldsOf(form), value);

function shaped(fields: readonly Field[], value: object | undefined): Record<string, unknown> {
  const given = (value ?? {}) as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  for (const { name, json, of } of fields) {
    const own = Object.hasOwn(given, json) ? (given[json] ?? undefined) : undefined;
    if (typeof of === 'string') {
      if (of !== 'o' || !isEmpty(own)) out[name] = sorted(own ?? zeros[of]);
    } else if (of.as !== 'struct' && own === undefined) out[name] = null;
    else if (of.as === 'list') out[name] = (own as object[]).map((one) => shaped(of.fields, one));
    else out[name] = shaped(of.fields, own as object | undefined);
  }
  return out;
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || (typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** Go writes maps sorted by key. */
export function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).map(([key, item]) => [key, sorted(item)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Indented by one, as Go writes it for people: HTML's special characters are escaped. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value, null, 1).replace(
    /[<>&\u2028\u2029]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

export const goDiff = (form: GoForm, old: object | undefined, now: object | undefined): string =>
  goFormDiff(goFormOf(form, old), goFormOf(form, now));

/** The same of what is in Go's form already. */
export const goFormDiff = (old: object, now: object): string => unifiedDiff(goJson(old), goJson(now));
