// What the tests of definitions share: a context over a handful of objects, and the run that a write makes through the
// hooks of a strategy. No test is in here.

import { type FieldError, fieldErrorText } from '../machinery/errors.ts';
import type { KubeObject, ResourceToken } from '../machinery/meta.ts';
import type { ActionContext, ResourceDefinition, StrategyContext } from '../machinery/resource.ts';
import { defaultClusterConfig } from '../ports/index.ts';

interface World {
  operation?: StrategyContext['operation'];
  requested?: StrategyContext['requested'];
  /** Index tags in use. */
  tags?: readonly string[];
  objects?: readonly KubeObject[];
  config?: Partial<StrategyContext['config']>;
}

/** Of actions as well, whose writes to other objects go nowhere. */
export function contextOf(world: World = {}): ActionContext {
  let seed = 1;
  return {
    clock: { now: () => Date.parse('2026-01-02T03:04:05Z') },
    random: {
      uuid: () => '00000000-0000-4000-8000-000000000000',
      // A small linear congruential generator: the same run every time.
      int(exclusiveMax) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        return seed % exclusiveMax;
      },
      bytes: (length) => new Uint8Array(length),
    },
    config: { ...defaultClusterConfig, ...world.config },
    get: <T extends KubeObject>(resource: ResourceToken<T>, namespace: string | undefined, name: string) =>
      world.objects?.find(
        (one) => one.kind === resource.kind && one.metadata.name === name && one.metadata.namespace === namespace,
      ) as T | undefined,
    tagged: (_resource, tag) => world.tags?.includes(tag) ?? false,
    operation: world.operation ?? 'create',
    subresource: '',
    requested: world.requested ?? { group: '', version: 'v1' },
    user: { name: 'test', groups: [] },
    dryRun: false,
    list: <T extends KubeObject>(resource: ResourceToken<T>) =>
      (world.objects ?? []).filter((one) => one.kind === resource.kind) as T[],
    store: () => undefined,
    delete: () => undefined,
  };
}

/** A complete object out of its parts, with metadata as the server fills it. */
export function objectOf<T extends KubeObject>(definition: ResourceDefinition<T>, parts: object): T {
  const { metadata, ...rest } = parts as { metadata?: object };
  return structuredClone({
    apiVersion: definition.group === '' ? definition.version : `${definition.group}/${definition.version}`,
    kind: definition.kind,
    metadata: {
      name: 'x',
      ...(definition.namespaced ? { namespace: 'default' } : {}),
      uid: 'u1',
      resourceVersion: '1',
      creationTimestamp: '2026-01-02T03:04:05Z',
      ...metadata,
    },
    ...rest,
  }) as unknown as T;
}

const texts = (problems: readonly FieldError[]): string[] => problems.map(fieldErrorText);

/** Runs a create through the strategy; `problems` are texts as a Status gives them. */
export function createOf<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  parts: object,
  world: World = {},
): { object: T; problems: string[] } {
  const object = objectOf(definition, parts);
  const context = contextOf({ ...world, operation: 'create' });
  definition.strategy.defaults?.(object);
  definition.strategy.prepareForCreate?.(object, context);
  return { object, problems: texts(definition.strategy.validate?.(object, context) ?? []) };
}

/** Runs an update of `old`, which is defaulted too. */
export function updateOf<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  old: T,
  parts: object,
  world: World = {},
): { object: T; problems: string[] } {
  const object = objectOf(definition, parts);
  const context = contextOf({ ...world, operation: 'update' });
  definition.strategy.defaults?.(object);
  definition.strategy.prepareForUpdate?.(object, old, context);
  const problems = [
    ...(definition.strategy.validate?.(object, context) ?? []),
    ...(definition.strategy.validateUpdate?.(object, old, context) ?? []),
  ];
  return { object, problems: texts(problems) };
}

/** The cells of a row, by column name. */
export function cellsOf<T extends KubeObject>(definition: ResourceDefinition<T>, object: T): Record<string, unknown> {
  return Object.fromEntries(definition.columns.map((column) => [column.name, column.cell(object)]));
}
