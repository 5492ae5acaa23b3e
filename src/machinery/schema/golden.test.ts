// Against upstream's golden files: one object of each kind with every field set, as JSON, YAML and protobuf. Runs where
// KUBERNETES_API_TESTDATA names a folder of them (testdata/v1.36.0 of github.com/kubernetes/api).
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { definitions } from '../../generated/schemas/definitions.ts';
import { protobuf } from '../../generated/schemas/protobuf.ts';
import { coerce, decodeJson, decodeProtobuf, decodeYaml, encodeProtobuf, Schemas } from './index.ts';

const folder = process.env.KUBERNETES_API_TESTDATA;
const schemas = new Schemas(definitions());
const messages = protobuf();

/** Nulls are the one thing that Go writes and this does not. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, withoutNulls(item)]),
  );
}

describe.skipIf(!folder)('golden files', () => {
  const names = folder ? fs.readdirSync(folder).filter((name) => name.endsWith('.pb')) : [];
  it.each(names)('%s', (name) => {
    const file = path.join(folder as string, name.slice(0, -'.pb'.length));
    if (!fs.existsSync(`${file}.json`)) return;
    const json = decodeJson(fs.readFileSync(`${file}.json`, 'utf8')).value as Record<string, unknown>;
    const [version = '', group = ''] = String(json.apiVersion).split('/').reverse();
    const schema = schemas.ofKind(group, version, String(json.kind))?.name;
    if (schema === undefined) return;
    const canonical = coerce(schemas, schema, json);
    expect(canonical.unknown).toEqual([]);
    expect(withoutNulls(canonical.value)).toEqual(withoutNulls(json));
    const yaml = decodeYaml(fs.readFileSync(`${file}.yaml`, 'utf8')).value;
    expect(coerce(schemas, schema, yaml)).toEqual(canonical);
    for (const bytes of [fs.readFileSync(`${file}.pb`), encodeProtobuf(messages, schema, canonical.value)])
      expect(withoutNulls(coerce(schemas, schema, decodeProtobuf(messages, bytes, () => schema).value).value)).toEqual(
        withoutNulls(canonical.value),
      );
  });
});
