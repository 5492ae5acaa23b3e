// Objects that are not stored but made when asked for: get and list of them, in the forms and by the selectors of all others.
// They have no revision.

import type { Entry } from '../../ledger/types.ts';
import { errors } from '../../machinery/errors.ts';
import type { HttpAnswer } from '../../machinery/http.ts';
import { apiVersion, type KubeObject, type ObjectMeta } from '../../machinery/meta.ts';
import type { AnyResource, Computing } from '../../machinery/resource.ts';
import { textResponse } from '../negotiation/respond.ts';
import { encodeSide, itemText, parseSide, partialText } from '../storage/codec.ts';
import { formText, rowText, tableHead } from '../storage/forms.ts';
import { findEntry, findObject, keyOf } from '../storage/read.ts';
import { formOf, type RestRequest } from './context.ts';
import { pages, selectionOf } from './pages.ts';
import { parseListOptions } from './revision.ts';
import { matchesEntry, type RowSelector, rowSelector } from './select.ts';

interface Row {
  key: string;
  value: string;
  side: string;
}

/** What of {@link Computing} does not follow from the request. */
export type ComputedFrom = Pick<Computing, 'parts' | 'groupVersions' | 'usage'>;

function computing({ core, info }: RestRequest, from: ComputedFrom, selector: RowSelector): Computing {
  const { registry, ledger, clock } = core;
  /** A page at a time: of what is read here the most is not kept. */
  function* entries(source: AnyResource): Generator<Entry> {
    if (info.verb !== 'get') {
      for (const page of pages(ledger, selectionOf(source, info.namespace, selector, ledger.revision))) yield* page;
      return;
    }
    const entry = findEntry(source, ledger, info.namespace, info.name);
    if (entry) yield entry;
  }
  return {
    ...from,
    clock,
    name: info.name,
    get: (token, namespace, name) => findObject(registry.require(token), ledger, namespace, name),
    selected: (token) =>
      Array.from(entries(registry.require(token)), ({ value, side }) => {
        const { m, f: fields = {} } = parseSide(side);
        return { metadata: JSON.parse(`{${value.slice(0, m)}}`).metadata, fields };
      }),
  };
}

async function rows(definition: AnyResource, world: Computing): Promise<Row[]> {
  return ((await definition.computed?.(world)) ?? []).map((made) => {
    const { metadata, ...rest } = made as { metadata: ObjectMeta };
    const object = { ...made, apiVersion: apiVersion(definition), kind: definition.kind } as KubeObject;
    const text = `"metadata":${JSON.stringify(metadata)}`;
    return {
      key: keyOf(definition, metadata.namespace ?? '', metadata.name),
      value: `${text},${JSON.stringify(rest).slice(1)}`,
      side: encodeSide(definition, object, text.length),
    };
  });
}

export async function readComputed(rest: RestRequest, from: ComputedFrom): Promise<HttpAnswer> {
  const { definition, info, core, url } = rest;
  const { form, answer } = formOf(rest);
  const nowMs = core.clock.now();
  const options = info.verb === 'list' ? parseListOptions(url.searchParams, false) : undefined;
  const selector = rowSelector(definition, options?.labelSelector, options?.fieldSelector);
  const made = await rows(definition, computing(rest, from, selector));
  if (info.verb === 'get') {
    const key = keyOf(definition, info.namespace, info.name);
    const row = made.find((one) => one.key === key);
    if (!row) throw errors.notFound(definition, info.name);
    return textResponse(formText(definition, row, form, nowMs), answer);
  }
  const found = made.filter((row) => matchesEntry(selector, row));
  if (form.type === 'table') {
    const items = found.map((row) => rowText(definition, row, form, nowMs)).join(',');
    return textResponse(`${tableHead(definition, '{}', form)}${items}]}`, answer);
  }
  const [kind, version] =
    form.type === 'partial'
      ? ['PartialObjectMetadata', `meta.k8s.io/${form.version}`]
      : [definition.kind, apiVersion(definition)];
  const items = found.map((row) =>
    form.type === 'partial'
      ? partialText(row.value, parseSide(row.side), form.version)
      : itemText(definition, row.value),
  );
  return textResponse(
    `{"kind":"${kind}List","apiVersion":"${version}","metadata":{},"items":[${items.join(',')}]}`,
    answer,
  );
}
