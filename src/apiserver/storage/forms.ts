// The forms in which a stored row is read: whole, as PartialObjectMetadata, as a Table row. All are spliced out of the
// value and the side column; ages in cells are printed as of the read.
import type { AnyResource } from '../../machinery/resource.ts';
import { ageText } from '../../machinery/time.ts';
import { describeField } from '../openapi/descriptions.ts';
import { type Cell, type MetaVersion, objectText, parseSide, partialText } from './codec.ts';

export type Form =
  | { type: 'object' }
  | { type: 'partial'; version: MetaVersion }
  | { type: 'table'; includeObject: 'None' | 'Metadata' | 'Object'; columns: boolean; version: MetaVersion };

export interface Row {
  value: string;
  side: string;
}

const columnTexts = new WeakMap<AnyResource, string>();

/** Column definitions of a kind's Table, as JSON. Made once: descriptions are looked up in a large text. */
export function columnsText(definition: AnyResource): string {
  let text = columnTexts.get(definition);
  if (text === undefined) {
    text = JSON.stringify(
      definition.columns.map(({ name, type, format, description, doc, priority }) => ({
        name,
        type,
        format: format ?? '',
        description: description ?? (doc === undefined ? '' : describeField(doc)),
        priority: priority ?? 0,
      })),
    );
    columnTexts.set(definition, text);
  }
  return text;
}

function printed(cell: Cell, nowMs: number): string | number | boolean | null {
  if (typeof cell !== 'object' || cell === null) return cell;
  return `${cell.prefix ?? ''}${ageText(cell.since, nowMs)}${cell.suffix ?? ''}`;
}

export function rowText(
  definition: AnyResource,
  row: Row,
  { includeObject, version }: Extract<Form, { type: 'table' }>,
  nowMs: number,
): string {
  const side = parseSide(row.side);
  const cells = (side.c ?? []).map((cell) => printed(cell, nowMs));
  let object = 'null';
  if (includeObject === 'Object') object = objectText(definition, row.value);
  else if (includeObject === 'Metadata') object = partialText(row.value, side, version);
  return `{"cells":${JSON.stringify(cells)},"object":${object}}`;
}

/** A table up to its rows; what follows them is `]}`. */
export function tableHead(
  definition: AnyResource,
  metadata: string,
  { columns, version }: Extract<Form, { type: 'table' }>,
): string {
  return `{"kind":"Table","apiVersion":"meta.k8s.io/${version}","metadata":${metadata},"columnDefinitions":${
    columns ? columnsText(definition) : 'null'
  },"rows":[`;
}

/** One object in the form asked for. */
export function formText(definition: AnyResource, row: Row, form: Form, nowMs: number): string {
  switch (form.type) {
    case 'object':
      return objectText(definition, row.value);
    case 'partial':
      return partialText(row.value, parseSide(row.side), form.version);
    case 'table': {
      const revision = /"resourceVersion":"(\d*)"/.exec(row.value)?.[1] ?? '';
      const metadata = JSON.stringify({ resourceVersion: revision });
      return `${tableHead(definition, metadata, form)}${rowText(definition, row, form, nowMs)}]}`;
    }
  }
}
