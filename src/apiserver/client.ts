// The in-process client of controllers, the scheduler and node links, and their feed of changes. Plain data in and out, so
// that both pass over RPC. Writes take the same steps as over HTTP; all of one call share a group commit.
import { CompactedError, FutureRevisionError } from '../ledger/types.ts';
import { errors, toStatus } from '../machinery/errors.ts';
import type { KubeObject, ResourceToken } from '../machinery/meta.ts';
import type { AnyResource } from '../machinery/resource.ts';
import { copyJson } from '../machinery/schema/json.ts';
import { wants } from '../reconcile/interest.ts';
import type { ListFrom, ListPage } from '../reconcile/remote.ts';
import type { Client, Feed, ListQuery, ObjectChange, Owned, Write, WriteOutcome } from '../reconcile/types.ts';
import type { Core, User } from './core.ts';
import { asApiError } from './errors.ts';
import { subresourceOf } from './registry.ts';
import { asRequested, execute, type Operation } from './rest/execute.ts';
import { listEntries } from './rest/list.ts';
import { pages, selectionOf } from './rest/pages.ts';
import type { WriteScope } from './rest/scope.ts';
import { matchesEntry, rowSelector } from './rest/select.ts';
import { bodyTarget } from './rest/subresource.ts';
import { decode, keyParts, parseSide, partialText, unwritten } from './storage/codec.ts';
import { findObject, keyRange } from './storage/read.ts';

export function createClient(core: Core, user: User): Client {
  const { registry, ledger } = core;
  return {
    async get<T extends KubeObject>(resource: ResourceToken<T>, namespace: string | undefined, name: string) {
      return findObject<T>(registry.require(resource), ledger, namespace, name);
    },
    async list<T extends KubeObject>(resource: ResourceToken<T>, query: ListQuery = {}) {
      return list(core, registry.require(resource), query) as T[];
    },
    async owned(ownerUid) {
      return owned(core, ownerUid);
    },
    write: (writes) => Promise.all(writes.map((write) => writeOne(core, user, write))),
  };
}

function owned({ ledger, registry }: Core, ownerUid: string): Owned[] {
  const { entries } = ledger.range({ start: '', end: '~', tag: ownerTag(ownerUid) });
  return entries.flatMap(({ key, value }) => {
    const definition = registry.findGroupResource(keyParts(key).resource);
    return definition ? [{ resource: tokenOf(definition), object: decode(definition, value) }] : [];
  });
}

/** Page by page: a namespace may hold more than there is memory. */
function metadataOf({ ledger }: Core, definition: AnyResource, namespace: string | undefined): KubeObject[] {
  const objects: KubeObject[] = [];
  for (let after: string | undefined, more = true; more; ) {
    const page = ledger.range({
      ...keyRange(definition, namespace),
      ...(after === undefined ? {} : { after }),
      limit: 500,
      bytesMax: metadataPageBytes,
    });
    for (const { value, side } of page.entries) objects.push(JSON.parse(partialText(value, parseSide(side), 'v1')));
    after = page.entries.at(-1)?.key;
    more = page.more;
  }
  return objects;
}

const ownerTag = (uid: string): string => `owner=${uid}`;

function list(core: Core, definition: AnyResource, query: ListQuery): KubeObject[] {
  const { ledger } = core;
  if (query.metadataOnly) return metadataOf(core, definition, query.namespace);
  const selector = rowSelector(definition, query.labelSelector, query.fieldSelector);
  const entries =
    query.ownerUid === undefined
      ? listEntries(ledger, definition, query.namespace ?? '', selector)
      : ledger
          .range({ ...keyRange(definition, query.namespace), tag: ownerTag(query.ownerUid) })
          .entries.filter((entry) => matchesEntry(selector, entry));
  return entries.map((entry) => decode(definition, entry.value));
}

/** Of the values of a page of a list. */
const listPageUnits = 1024 * 1024;

/** A list page by page, for who is elsewhere: all of one revision, unless that has been compacted meanwhile. */
export function listPage(core: Core, resource: ResourceToken, query: ListQuery = {}, from?: ListFrom): ListPage {
  const { ledger, registry } = core;
  const definition = registry.require(resource);
  if (query.ownerUid !== undefined) return { objects: list(core, definition, query) };
  const readable = from && from.at >= ledger.compactedRevision && from.at <= ledger.revision;
  const at = readable ? from.at : ledger.revision;
  const selector = rowSelector(definition, query.labelSelector, query.fieldSelector);
  const selection = { ...selectionOf(definition, query.namespace ?? '', selector, at), after: from?.after };
  const objects: KubeObject[] = [];
  let units = 0;
  for (const page of pages(ledger, selection)) {
    for (const { value, side } of page) {
      const text = query.metadataOnly ? partialText(value, parseSide(side), 'v1') : undefined;
      objects.push(text === undefined ? decode(definition, value) : JSON.parse(text));
      units += text?.length ?? value.length;
    }
    const last = page.at(-1);
    if (last && units > listPageUnits) return { objects, next: { at, after: last.key } };
  }
  return { objects };
}

async function writeOne(core: Core, user: User, write: Write): Promise<WriteOutcome> {
  try {
    const definition = core.registry.require(write.resource);
    const warnings: string[] = [];
    const { object } = await core.ledger.commit((tx) => {
      const scope = scopeOf(core, user, definition, write, tx, warnings);
      const written = execute(scope, operationOf(core, scope, write));
      return { object: unwritten(asRequested(scope, written.object)) };
    });
    return { ok: true, object };
  } catch (error) {
    return { ok: false, status: toStatus(asApiError(error, core.log)) };
  }
}

function scopeOf(
  core: Core,
  user: User,
  definition: AnyResource,
  write: Write,
  tx: WriteScope['tx'],
  warnings: string[],
): WriteScope {
  const metadata =
    write.verb === 'create' || write.verb === 'update' || write.verb === 'apply'
      ? (write.object.metadata as Partial<KubeObject['metadata']> | undefined)
      : undefined;
  const named = write.verb === 'update' || write.verb === 'apply';
  const name = named ? (metadata?.name ?? '') : (write.name ?? '');
  const namespace = (named ? metadata?.namespace : (write.namespace ?? metadata?.namespace)) ?? '';
  const subresourceName = write.verb === 'delete' ? undefined : write.subresource;
  const subresource = subresourceName ? subresourceOf(definition, subresourceName) : undefined;
  if (subresourceName && !subresource) throw errors.notFound(definition, `${name}/${subresourceName}`);
  return {
    core,
    tx,
    user,
    definition: core.registry.stored(definition),
    requested: definition,
    namespace: definition.namespaced ? namespace : '',
    name,
    ...(subresource ? { subresource } : {}),
    dryRun: false,
    warnings,
    manager: ('manager' in write ? write.manager : undefined) ?? managerOf(user),
  };
}

/** The field manager of a part of the control plane, as its user agent has it upstream. */
function managerOf({ name }: User): string {
  if (name.startsWith('system:node:')) return 'kubelet';
  const component = /^system:(kube-[a-z-]+|apiserver)$/.exec(name)?.[1];
  if (component === 'apiserver') return 'kube-apiserver';
  return component ?? 'kube-controller-manager';
}

function operationOf(core: Core, scope: WriteScope, write: Write): Operation {
  const target = bodyTarget(scope.requested, scope.subresource);
  switch (write.verb) {
    case 'create':
    case 'update':
      return { verb: write.verb, body: core.codec.accept(write.object, target, 'Ignore').object };
    case 'patch':
      return { verb: 'patch', type: write.type, patch: JSON.stringify(write.patch), validation: 'Ignore' };
    case 'apply': {
      const { object: patch, force = false } = write;
      return { verb: 'apply', patch: copyJson(patch), repeated: [], force, validation: 'Ignore' };
    }
    case 'delete': {
      const { uid, resourceVersion, gracePeriodSeconds, propagationPolicy } = write;
      return { verb: 'delete', options: { uid, resourceVersion, gracePeriodSeconds, propagationPolicy } };
    }
  }
}

const metadataPageBytes = 1024 * 1024;
/** Of the values of a page, which is parsed whole and sent in one message. */
const feedBytesMax = 2 * 1024 * 1024;

export function createFeed(core: Pick<Core, 'ledger' | 'registry'>): Feed {
  const { ledger, registry } = core;
  return {
    async changes(after, interest, limit) {
      try {
        const { changes, through } = ledger.changes({ after, limit, bytesMax: feedBytesMax });
        const wanted = wants(interest);
        const seen: ObjectChange[] = [];
        for (const change of changes) {
          if (!wanted(change)) continue;
          const definition = registry.findGroupResource(change.key.slice(0, change.key.indexOf('/')));
          if (!definition) continue;
          seen.push({
            type: change.type,
            resource: tokenOf(definition),
            revision: change.revision,
            object: decode(definition, change.value),
            ...(change.previous ? { previous: decode(definition, change.previous.value) } : {}),
          });
        }
        return { changes: seen, through, reset: false, current: ledger.revision };
      } catch (error) {
        if (error instanceof CompactedError || error instanceof FutureRevisionError)
          return { changes: [], through: ledger.revision, reset: true, current: ledger.revision };
        throw error;
      }
    },
  };
}

/** The plain token of a definition, which carries functions. */
export function tokenOf(definition: AnyResource): ResourceToken {
  const { group, version, plural, kind, namespaced } = definition;
  return { group, version, plural, kind, namespaced };
}
