// Objects that are not stored but made when asked for: get and list of them, in the forms and by the selectors of all others.
// They have no revision.

import { errors } from '../../machinery/errors.ts';
import type { HttpAnswer } from '../../machinery/http.ts';
import { apiVersion, type KubeObject, type ObjectMeta } from '../../machinery/meta.ts';
import type { AnyResource, ControlPlaneParts } from '../../machinery/resource.ts';
import { textResponse } from '../negotiation/respond.ts';
import { encodeSide, itemText, parseSide, partialText } from '../storage/codec.ts';
import { formText, rowText, tableHead } from '../storage/forms.ts';
import { keyOf } from '../storage/read.ts';
import { formOf, type RestRequest } from './context.ts';
import { parseListOptions } from './revision.ts';
import { matchesEntry, rowSelector } from './select.ts';

interface Row {
  key: string;
  value: string;
  side: string;
}

function rows(definition: AnyResource, parts: ControlPlaneParts): Row[] {
  return (definition.computed?.(parts) ?? []).map((made) => {
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

export function readComputed(rest: RestRequest, parts: ControlPlaneParts): HttpAnswer {
  const { definition, info, core, url } = rest;
  const { form, answer } = formOf(rest);
  const nowMs = core.clock.now();
  if (info.verb === 'get') {
    const key = keyOf(definition, info.namespace, info.name);
    const row = rows(definition, parts).find((one) => one.key === key);
    if (!row) throw errors.notFound(definition, info.name);
    return textResponse(formText(definition, row, form, nowMs), answer);
  }
  const options = parseListOptions(url.searchParams, false);
  const selector = rowSelector(definition, options.labelSelector, options.fieldSelector);
  const found = rows(definition, parts).filter((row) => matchesEntry(selector, row));
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
