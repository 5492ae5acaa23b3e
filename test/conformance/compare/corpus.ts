// The requests that are compared, as YAML files (corpus/*.yaml):
//
//   vars: {cm: /api/v1/namespaces/$ns/configmaps}     texts that stand for others, in this file
//   cases:
//     - say: two of one name                          a case has a namespace of its own, `$ns`
//       steps:
//         - POST $cm: {metadata: {name: a}}           method and path; the value is the body
//         - STRATEGIC $cm/a: {data: {k: v}}           JSON, MERGE, STRATEGIC and APPLY are kinds of PATCH
//           headers: {accept: application/yaml}
//           save: second                              later steps may say ${second.metadata.uid}
//         - POST $cm:
//           raw: '{"metadata"'                        a body as it stands; `fill: 4000000` pads it with blanks to so many bytes
//
// `$run` differs from run to run, for names that are the whole cluster's. A step whose value is null has no body.
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

export interface Step {
  /** `POST /api/v1/namespaces/$ns/configmaps`, as it is shown. */
  title: string;
  method: string;
  path: string;
  body?: unknown;
  raw?: string;
  headers: Record<string, string>;
  save?: string;
}

export interface Case {
  file: string;
  say: string;
  steps: Step[];
}

const patchTypes: Record<string, string> = {
  JSON: 'application/json-patch+json',
  MERGE: 'application/merge-patch+json',
  STRATEGIC: 'application/strategic-merge-patch+json',
  APPLY: 'application/apply-patch+yaml',
};

interface StepText {
  headers?: Record<string, string>;
  raw?: string;
  fill?: number;
  save?: string;
  [request: string]: unknown;
}

interface FileText {
  vars?: Record<string, unknown>;
  cases: { say: string; steps: StepText[] }[];
}

const attributes = new Set(['headers', 'raw', 'fill', 'save']);

export function readCorpus(folder: string): Case[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) => {
      const { vars = {}, cases } = parse(fs.readFileSync(path.join(folder, name), 'utf8')) as FileText;
      return cases.map(({ say, steps }) => ({
        file: name.replace(/\.yaml$/, ''),
        say,
        steps: steps.map((step) => readStep(step, vars, `${name}: ${say}`)),
      }));
    });
}

function readStep(text: StepText, vars: Record<string, unknown>, where: string): Step {
  const requests = Object.keys(text).filter((key) => !attributes.has(key));
  const request = requests[0];
  if (request === undefined || requests.length > 1) throw new Error(`${where}: a step is one request, not ${requests}`);
  const space = request.indexOf(' ');
  const verb = request.slice(0, space);
  const target = String(expand(request.slice(space + 1), vars));
  const patch = patchTypes[verb];
  const body = expand(text[request], vars);
  const raw = text.raw === undefined ? undefined : String(expand(text.raw, vars)).padEnd(text.fill ?? 0);
  return {
    title: `${verb} ${target}`,
    method: patch ? 'PATCH' : verb,
    path: target,
    ...(body === null || body === undefined ? {} : { body }),
    ...(raw === undefined ? {} : { raw }),
    headers: { ...(patch ? { 'content-type': patch } : {}), ...text.headers },
    ...(text.save ? { save: text.save } : {}),
  };
}

/** Puts in what `$name` and `${path.to.it}` stand for: a value where a string is nothing else, otherwise its text. */
export function expand(value: unknown, vars: Record<string, unknown>): unknown {
  if (typeof value === 'string') {
    const whole = /^\$(?:\{([^}]+)\}|(\w+))$/.exec(value);
    if (whole) {
      const found = lookUp(vars, (whole[1] ?? whole[2]) as string);
      return found === undefined ? value : found;
    }
    return value.replace(/\$(?:\{([^}]+)\}|(\w+))/g, (text, braced, bare) => {
      const found = lookUp(vars, braced ?? bare);
      return found === undefined ? text : String(found);
    });
  }
  if (Array.isArray(value)) return value.map((item) => expand(item, vars));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [String(expand(key, vars)), expand(item, vars)]),
  );
}

function lookUp(vars: Record<string, unknown>, name: string): unknown {
  let value: unknown = vars;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
