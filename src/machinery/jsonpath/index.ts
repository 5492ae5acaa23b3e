// JSONPath templates (`{.status.phase}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`), parsed once and applied to JSON values.
import { isJsonObject } from '../schema/json.ts';
import { type EvaluateOptions, evaluate } from './evaluate.ts';
import { type Part, parse } from './parse.ts';

export { JsonPathError } from './parse.ts';

export class JsonPath {
  private readonly parts: Part[];
  private readonly options: EvaluateOptions;

  /** Throws JsonPathError. */
  constructor(template: string, options: Partial<EvaluateOptions> = {}) {
    this.parts = parse(template);
    this.options = { allowMissingKeys: false, ...options };
  }

  /** The values that each part of the template finds, in order. Throws JsonPathError. */
  find(value: unknown): unknown[][] {
    return evaluate(this.parts, value, this.options);
  }

  /** What kubectl prints. Throws JsonPathError. */
  text(value: unknown): string {
    return this.find(value)
      .map((values) => values.map(shown).join(' '))
      .join('');
  }
}

/**
 * A path as printer columns give it: without braces, with or without its first dot (`.spec.replicas`, `spec.replicas`).
 * Throws JsonPathError.
 */
export function columnPath(path: string): JsonPath {
  const bare = /^\{([\s\S]*)\}$/.exec(path)?.[1] ?? path;
  return new JsonPath(`{${/^[.[]/.test(bare) ? bare : `.${bare}`}}`, { allowMissingKeys: true });
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'number') return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
  return typeof value === 'object' ? json(value) : String(value);
}

/** As Go writes it: keys in order, no markup. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    isJsonObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  ).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
