// Field selectors (k8s.io/apimachinery/pkg/fields): `metadata.name=web,status.phase!=Running`. Which fields a kind knows
// is not decided here.

import { errors } from './errors.ts';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

export type FieldSelector = readonly FieldRequirement[];

/** Splits on unescaped commas. */
function terms(text: string): string[] {
  const out: string[] = [];
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      out.push(text.slice(from, i));
      from = i + 1;
    }
  }
  out.push(text.slice(from));
  return out;
}

function unescaped(value: string): string {
  let out = '';
  for (let i = 0; i < value.length; i++) {
    const c = value[i] as string;
    if (c === '\\') {
      const next = value[++i];
      if (next === undefined) throw errors.badRequest('invalid field selector: invalid escape sequence: \\');
      if (next !== '\\' && next !== ',' && next !== '=')
        throw errors.badRequest(`invalid field selector: invalid escape sequence: \\${next}`);
      out += next;
    } else if (c === '=' || c === ',') {
      throw errors.badRequest(`invalid field selector: unescaped character in value: ${c.charCodeAt(0)}`);
    } else out += c;
  }
  return out;
}

/** Throws ApiError BadRequest. */
export function parseFieldSelector(text: string | undefined): FieldSelector {
  if (text === undefined || text === '') return [];
  const out: FieldRequirement[] = [];
  // Sorted, so that of several mistakes it is upstream's first that is told.
  for (const term of terms(text).sort()) {
    if (term === '') continue;
    const match = /^([\s\S]*?)(!=|==|=)([\s\S]*)$/.exec(term);
    if (!match) throw errors.badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    out.push({
      field: match[1] as string,
      operator: match[2] === '!=' ? '!=' : '=',
      value: unescaped(match[3] as string),
    });
  }
  return out;
}

/** `read` gives a field's value, '' when it has none. */
export function matchesFields(selector: FieldSelector, read: (field: string) => string | undefined): boolean {
  for (const { field, operator, value } of selector)
    if (((read(field) ?? '') === value) !== (operator === '=')) return false;
  return true;
}

export function fieldSelectorText(selector: FieldSelector): string {
  return selector
    .map(({ field, operator, value }) => `${field}${operator}${value.replace(/[\\,=]/g, (c) => `\\${c}`)}`)
    .join(',');
}
