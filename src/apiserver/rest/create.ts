// Creating an object: names, system fields, admission, the kind's own hooks, validation, one put.
import { errors } from '../../machinery/errors.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import { timestamp } from '../core.ts';
import { findEntry } from '../storage/read.ts';
import { validateMetadata } from './metadata.ts';
import { admissionRequest, contextOf, type Draft, type WriteScope, type Written, warn } from './scope.ts';
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
  if (metadata.resourceVersion) throw errors.badRequest('resourceVersion should not be set on objects to be created');
  const context = contextOf(scope, 'create');

  metadata.uid = core.random.uuid();
  metadata.creationTimestamp = timestamp(core.clock.now());
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  delete metadata.managedFields;
  if (!metadata.name && metadata.generateName) metadata.name = generateName(scope, metadata.generateName);

  core.admission.admit(admissionRequest(scope, 'CREATE', context, { object: draft }));
  if (definition.strategy.generation === false) delete metadata.generation;
  else metadata.generation = 1;
  definition.strategy.prepareForCreate?.(draft, context);

  const problems = [
    ...validateMetadata(definition, draft.metadata),
    ...(definition.strategy.validate?.(draft, context) ?? []),
  ];
  if (problems.length > 0) throw errors.invalid(definition.group, definition.kind, metadata.name ?? '', problems);
  for (const message of definition.strategy.warnings?.(draft, undefined) ?? []) warn(scope, message);
  core.admission.validate(admissionRequest(scope, 'CREATE', context, { object: draft }));

  if (findEntry(definition, scope.tx, scope.namespace, metadata.name))
    throw errors.alreadyExists(scope.requested, metadata.name);
  return { object: put(scope, draft, 0), created: true };
}

/** Namespace and name of the object must not contradict those of the URL; what is missing is filled in. */
export function matchTarget(scope: WriteScope, object: KubeObject): void {
  const { metadata } = object;
  if (!scope.definition.namespaced) delete metadata.namespace;
  else if (!metadata.namespace) metadata.namespace = scope.namespace;
  else if (metadata.namespace !== scope.namespace)
    throw errors.badRequest(`the namespace of the provided object does not match the namespace sent on the request`);
  if (scope.name === '') return;
  if (!metadata.name) metadata.name = scope.name;
  else if (metadata.name !== scope.name)
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
