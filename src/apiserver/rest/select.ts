// Which rows a list or watch is about: label and field selectors over the side column, and the index tag that narrows the
// scan, where the kind keeps one. Values are not read for it.
import { errors } from '../../machinery/errors.ts';
import type { AnyResource } from '../../machinery/resource.ts';
import {
  exactLabels,
  type FieldSelector,
  matchesFields,
  matchesLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
} from '../../machinery/selectors.ts';
import { keyParts, parseSide, type Side } from '../storage/codec.ts';

export interface RowSelector {
  readonly labels: Selector;
  readonly fields: FieldSelector;
  /** True when it selects everything. */
  readonly everything: boolean;
  /** A tag that every selected row carries, if the kind indexes one. */
  readonly tag: string | undefined;
  /** The one name that rows may have, if the selector demands one. */
  readonly name: string | undefined;
  /** The one namespace that rows may have, likewise. */
  readonly namespace: string | undefined;
}

/** Throws BadRequest for what does not parse or names a field that the kind does not select by. */
export function rowSelector(
  definition: AnyResource,
  labelSelector: string | undefined,
  fieldSelector: string | undefined,
): RowSelector {
  const labels = parseLabelSelector(labelSelector);
  const fields = parseFieldSelector(fieldSelector).map((term) => ({
    ...term,
    field: storedField(definition, term.field),
  }));
  const exact = (path: string) => fields.find(({ field, operator }) => field === path && operator !== '!=')?.value;
  return {
    labels,
    fields,
    everything: labels.length === 0 && fields.length === 0,
    tag: tagFor(definition, labels, fields),
    name: exact('metadata.name') || undefined,
    namespace: exact('metadata.namespace') || undefined,
  };
}

/** The field's name in the stored resource. */
function storedField(definition: AnyResource, label: string): string {
  const { selectableFields, conversion, fieldAliases, fieldRefusal } = definition;
  if (label === 'metadata.name') return label;
  // Of kinds without fields of their own upstream knows only that all have both.
  if (label === 'metadata.namespace' && (definition.namespaced || !selectableFields)) return label;
  const known: Readonly<Record<string, unknown>> | undefined = conversion?.fieldLabels ?? selectableFields;
  if (!known)
    throw errors.badRequest(
      `${JSON.stringify(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  if (Object.hasOwn(known, label)) return conversion?.fieldLabels?.[label] ?? label;
  if (fieldAliases && Object.hasOwn(fieldAliases, label)) return fieldAliases[label] as string;
  throw errors.badRequest(fieldRefusal?.(label) ?? `field label not supported: ${label}`);
}

export function matchesRow(selector: RowSelector, key: string, side: Side): boolean {
  if (selector.everything) return true;
  if (!matchesLabels(selector.labels, side.l)) return false;
  if (selector.fields.length === 0) return true;
  const { namespace, name } = keyParts(key);
  return matchesFields(selector.fields, (field) => {
    if (field === 'metadata.name') return name;
    if (field === 'metadata.namespace') return namespace;
    return side.f?.[field] ?? '';
  });
}

/** As {@link matchesRow}, parsing the side column only when there is something to match. */
export function matchesEntry(selector: RowSelector, entry: { key: string; side: string }): boolean {
  return selector.everything || matchesRow(selector, entry.key, parseSide(entry.side));
}

/**
 * Asks the definition which tag an object with just this label, or just this field, would have: so it need not be said
 * twice which selectors are indexed.
 */
function tagFor(definition: AnyResource, labels: Selector, fields: FieldSelector): string | undefined {
  if (!definition.indexes) return undefined;
  for (const { field, operator, value } of fields) {
    if (operator === '!=' || value === '' || field.startsWith('metadata.')) continue;
    const tag = probe(definition, nested(field.split('.'), value));
    if (tag !== undefined) return tag;
  }
  for (const [key, value] of exactLabels(labels)) {
    const tag = probe(definition, { metadata: { labels: { [key]: value } } });
    if (tag !== undefined) return tag;
  }
  return undefined;
}

function probe(definition: AnyResource, part: Record<string, unknown>): string | undefined {
  const object = { metadata: {}, spec: {}, status: {}, ...part };
  try {
    const without = new Set(definition.indexes?.({ metadata: {}, spec: {}, status: {} }) ?? []);
    return definition.indexes?.(object)?.find((tag) => !without.has(tag));
  } catch {
    return undefined;
  }
}

function nested(path: string[], value: string): Record<string, unknown> {
  return path.reduceRight<unknown>((inner, segment) => ({ [segment]: inner }), value) as Record<string, unknown>;
}
