// core/v1 Secret. stringData is write-only: it is merged into data when the object comes in.

import type { Secret } from '../../../generated/schemas/core-v1.ts';
import { secrets } from '../../../generated/schemas/index.ts';
import { textFromBase64, textToBase64 } from '../../../machinery/bytes.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isConfigMapKey } from '../../../machinery/names.ts';
import { defineResource } from '../../../machinery/resource.ts';
import { decodeJson } from '../../../machinery/schema/json.ts';
import { deepEqual } from '../../../machinery/validation.ts';
import { ageColumn, nameColumn } from '../../columns.ts';
import { base64Bytes, dataBytesMax } from '../../data.ts';
import { fieldImmutableMessage, Problems } from '../../problems.ts';

const immutableMessage = 'field is immutable when `immutable` is set';
const accountAnnotation = 'kubernetes.io/service-account.name';

function validateJson(problems: Problems, secret: Secret, key: string): void {
  const value = secret.data?.[key];
  if (value === undefined) {
    problems.required(`data[${key}]`);
    return;
  }
  const problem = objectProblem(textFromBase64(value) ?? '');
  if (problem !== undefined) problems.invalid(`data[${key}]`, '<secret contents redacted>', problem);
}

/** Why the text is no JSON object, in Go's words; null is as good as one. */
function objectProblem(text: string): string | undefined {
  try {
    const { value } = decodeJson(text);
    if (value === null || (typeof value === 'object' && !Array.isArray(value))) return undefined;
    const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}

/** What a type's readers rely on. */
const typeRules: Record<string, (problems: Problems, secret: Secret) => void> = {
  'kubernetes.io/service-account-token'(problems, secret) {
    if (!secret.metadata.annotations?.[accountAnnotation])
      problems.required(`metadata.annotations[${accountAnnotation}]`);
  },
  'kubernetes.io/dockercfg': (problems, secret) => validateJson(problems, secret, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': (problems, secret) => validateJson(problems, secret, '.dockerconfigjson'),
  'kubernetes.io/basic-auth'(problems, secret) {
    if (secret.data?.username !== undefined || secret.data?.password !== undefined) return;
    problems.required('data[username]');
    problems.required('data[password]');
  },
  'kubernetes.io/ssh-auth'(problems, secret) {
    if (!secret.data?.['ssh-privatekey']) problems.required('data[ssh-privatekey]');
  },
  'kubernetes.io/tls'(problems, secret) {
    for (const key of ['tls.crt', 'tls.key']) if (secret.data?.[key] === undefined) problems.required(`data[${key}]`);
  },
};

export default defineResource<Secret>({
  ...secrets,
  singular: 'secret',
  schema: 'io.k8s.api.core.v1.Secret',
  strategy: {
    revalidatesMetadata: true,
    generation: false,
    defaults(secret) {
      secret.type ||= 'Opaque';
      if (secret.stringData && Object.keys(secret.stringData).length > 0) {
        secret.data ??= {};
        for (const [key, value] of Object.entries(secret.stringData)) secret.data[key] = textToBase64(value);
      }
      delete secret.stringData;
    },
    validate(secret) {
      const problems = new Problems();
      let size = 0;
      for (const [key, value] of Object.entries(secret.data ?? {})) {
        problems.invalidAll(`data[${key}]`, key, isConfigMapKey(key));
        size += base64Bytes(value);
      }
      if (size > dataBytesMax) problems.tooLong('data', dataBytesMax);
      const rule = Object.hasOwn(typeRules, secret.type ?? '') ? typeRules[secret.type ?? ''] : undefined;
      rule?.(problems, secret);
      return problems.list;
    },
    validateUpdate(secret, old) {
      const problems = new Problems();
      if ((secret.type ?? '') !== (old.type ?? '')) problems.invalid('type', secret.type, fieldImmutableMessage);
      if (!old.immutable) return problems.list;
      if (!secret.immutable) problems.forbidden('immutable', immutableMessage);
      if (!deepEqual(secret.data, old.data)) problems.forbidden('data', immutableMessage);
      return problems.list;
    },
  },
  columns: [
    nameColumn,
    {
      name: 'Type',
      type: 'string',
      doc: 'core.v1.Secret.type',
      cell: (secret) => secret.type ?? '',
    },
    {
      name: 'Data',
      type: 'string',
      doc: 'core.v1.Secret.data',
      cell: (secret) => Object.keys(secret.data ?? {}).length,
    },
    ageColumn,
  ],
  selectableFields: { type: (secret) => secret.type ?? '' },
});
