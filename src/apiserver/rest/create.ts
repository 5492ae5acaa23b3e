// Creating an object: names, system fields, admission, the kind's own hooks, validation, one put.
import { ApiError, errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { timestamp } from '../core.ts';
import { decode, unwritten } from '../storage/codec.ts';
import { findEntry } from '../storage/read.ts';
import { keepCompanions } from './companions.ts';
import { managedFieldsOf } from './managed.ts';
import { dropDuplicateOwners, validateMetadata } from './metadata.ts';
import {
  admissionRequest,
  authorizeContent,
  contextOf,
  type Draft,
  type WriteScope,
  type Written,
  warn,
} from './scope.ts';
import { put } from './store.ts';

// Without vowels and the digits that look like them: no generated name spells a word.
const nameAlphabet = 'bcdfghjklmnpqrstvwxz2456789';
const generatedBaseMax = 58;
const generateAttempts = 8;

/** `draft` has been decoded and defaulted. */
export function create(scope: WriteScope, draft: Draft): Written {
  const { definition, core } = scope;
  matchTarget(scope, draft);
  const { metadata } = draft;
  if (/^0*[1-9]\d*$/.test(metadata.resourceVersion ?? ''))
    throw errors.badRequest('resourceVersion should not be set on objects to be created');
  const context = contextOf(scope, 'create');

  metadata.uid = core.random.uuid();
  metadata.creationTimestamp = timestamp(core.clock.now());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  metadata.managedFields = managedFieldsOf(scope, draft, undefined);
  unwritten(draft);
  const generated = !metadata.name && metadata.generateName !== undefined && metadata.generateName !== '';
  if (generated) metadata.name = generateName(scope, metadata.generateName as string);
  dropDuplicateOwners(scope, metadata, false);

  core.admission.admit(admissionRequest(scope, 'CREATE', context, { object: draft }));
  authorizeContent(scope, context, draft);
  dropDuplicateOwners(scope, metadata, true);
  // A kind that counts no generations keeps what it is given.
  if (definition.strategy.generation !== false) metadata.generation = 1;
  else if (metadata.generation === 0) delete metadata.generation;
  definition.strategy.prepareForCreate?.(draft, context);

  const problems = [
    ...validateMetadata(definition, draft.metadata),
    ...(definition.strategy.validate?.(draft, context) ?? []),
  ];
  if (problems.length > 0) throw errors.invalid(definition.group, definition.kind, metadata.name ?? '', problems);
  for (const message of definition.strategy.warnings?.(draft, undefined) ?? []) warn(scope, message);
  core.admission.validate(admissionRequest(scope, 'CREATE', context, { object: draft }));

  const present = findEntry(definition, scope.tx, scope.namespace, metadata.name);
  if (present) throw taken(scope, metadata.name, generated, decode(definition, present.value));
  const made = put(scope, draft, 0);
  keepCompanions(scope, draft, undefined);
  return made;
}

function taken(scope: WriteScope, name: string, generated: boolean, present: KubeObject): ApiError {
  const { reason, message, details } = errors.alreadyExists(scope.requested, name);
  const text = generated ? `${message}, the server was not able to generate a unique name for the object` : message;
  return new ApiError(
    reason,
    present.metadata.deletionTimestamp ? `object is being deleted: ${text}` : text,
    generated ? { ...details, retryAfterSeconds: 1 } : details,
  );
}

/** The namespace of the object must not contradict that of the URL; where it is missing it is filled in. */
export function matchTarget(scope: WriteScope, object: KubeObject): void {
  const { metadata } = object;
  if (!scope.definition.namespaced) delete metadata.namespace;
  else if (!metadata.namespace) metadata.namespace = scope.namespace;
  else if (metadata.namespace !== scope.namespace)
    throw errors.badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

/** Whoever writes to a name must name it in the body as well. */
export function matchName(scope: WriteScope, { metadata }: KubeObject): void {
  if (!metadata.name)
    throw errors.badRequest(
      `the name of the object (${scope.name} based on URL) was undeterminable: name must be provided`,
    );
  if (metadata.name !== scope.name)
    throw errors.badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${scope.name})`,
    );
}

function generateName(scope: WriteScope, base: string): string {
  const { random } = scope.core;
  let name = '';
  for (let attempt = 0; attempt < generateAttempts; attempt++) {
    name = base.slice(0, generatedBaseMax) + randomSuffix(random);
    if (!findEntry(scope.definition, scope.tx, scope.namespace, name)) break;
  }
  return name;
}

export function randomSuffix(random: { int(exclusiveMax: number): number }, length = 5): string {
  let suffix = '';
  for (let index = 0; index < length; index++) suffix += nameAlphabet[random.int(nameAlphabet.length)];
  return suffix;
}
