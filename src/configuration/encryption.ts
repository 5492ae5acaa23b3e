// EncryptionConfiguration: which resources are stored encrypted, and with which keys. Of upstream's providers there are
// `identity`, `aesgcm`, and `kms` with the one endpoint `secret://ENCRYPTION_KEYS`, the keys of the cluster itself. Nothing
// was ever stored by `aescbc` and `secretbox` here, so that there is nothing to read with them; they are refused.

import { fromBase64 } from '../machinery/bytes.ts';
import type { FieldError } from '../machinery/errors.ts';
import { goQuoted } from '../machinery/errors.ts';
import { invalid, required } from '../machinery/validation.ts';
import { Fields } from './fields.ts';

/** A key of an administrator's own. */
export interface NamedSecret {
  readonly name: string;
  /** Base64 of 16, 24 or 32 bytes. */
  readonly secret: string;
}

export type EncryptionProvider =
  | { readonly type: 'identity' }
  | { readonly type: 'aesgcm'; readonly keys: readonly NamedSecret[] }
  /** The keys of the cluster. */
  | { readonly type: 'kms' };

export interface EncryptedResources {
  /** `secrets`, `deployments.apps`, `*.apps`, `*.` (the core group), `*.*`. */
  readonly resources: readonly string[];
  /** The first writes. */
  readonly providers: readonly EncryptionProvider[];
}

/** In order: the first entry that names a resource holds for it. */
export type Encryption = readonly EncryptedResources[];

const clusterKeysEndpoint = 'secret://ENCRYPTION_KEYS';
const providerNames = ['kms', 'aesgcm', 'aescbc', 'secretbox', 'identity'] as const;
const aesKeyBytes = [16, 24, 32];
const noRestApi = ['apiserveripinfo', 'serviceipallocations', 'servicenodeportallocations'];

export const encryptionConfiguration = {
  key: 'encryption',
  group: 'apiserver.config.k8s.io',
  versions: ['v1'],
  kind: 'EncryptionConfiguration',
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): Encryption {
    const fields = new Fields(document, '', ['apiVersion', 'kind', 'resources'], problems);
    const entries = fields.children('resources', ['resources', 'providers']);
    if (entries.length === 0) fields.problem(required('resources', 'at least one resources is required'));
    return entries.map((entry) => {
      const path = entry.path('resources');
      const resources = entry.texts('resources');
      if (resources.length === 0) entry.problem(required(path, `at least one ${path} is required`));
      entry.problem(...overlaps(resources, path));
      for (const [i, resource] of resources.entries()) {
        const problem = resourceProblem(resource);
        if (problem !== undefined) entry.problem(invalid(`${path}[${i}]`, resource, problem));
      }
      const providers = entry.children('providers', providerNames);
      if (providers.length === 0)
        entry.problem(required(entry.path('providers'), `at least one ${entry.path('providers')} is required`));
      return { resources, providers: providers.flatMap(readProvider) };
    });
  },
} as const;

/** `deployments.apps` → resource and group; the group of `secrets` and of `*.` is ''. */
export function parseGroupResource(text: string): { resource: string; group: string } {
  const dot = text.indexOf('.');
  return dot < 0 ? { resource: text, group: '' } : { resource: text.slice(0, dot), group: text.slice(dot + 1) };
}

function resourceProblem(text: string): string | undefined {
  const { resource, group } = parseGroupResource(text);
  if (text.toLowerCase() !== text) return 'resource name should not contain capital letters';
  if (text === '*') return "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources";
  if (noRestApi.includes(text)) return 'resources which do not have REST API/s cannot be encrypted';
  if (group === 'events.k8s.io')
    return "'*.events.k8s.io' objects are stored using the 'events' API group in etcd. Use 'events' instead in the config file";
  if (group === 'extensions') return "'extensions' group has been removed and cannot be used for encryption";
  if (group === '*' && resource !== '*') return 'encrypting the same resource across groups is not supported';
  return undefined;
}

function overlaps(resources: readonly string[], path: string): FieldError[] {
  const parsed = resources.map(parseGroupResource);
  const pairs = parsed.flatMap((one, i) => parsed.slice(i + 1).map((other) => [one, other] as const));
  const all = ({ group, resource }: { group: string; resource: string }) => group === '*' && resource === '*';
  const same = pairs.filter(([a, b]) => a.group === b.group && a.resource === b.resource);
  const masked = pairs.filter(
    ([a, b]) =>
      !(a.group === b.group && a.resource === b.resource) &&
      (all(a) || all(b) || (a.group === b.group && (a.resource === '*' || b.resource === '*'))),
  );
  // Upstream lets the first repetition of a pair count as none: what repeats a wildcard masks, too.
  const repeatedWildcard = same.some(([{ resource }]) => resource === '*');
  return [
    ...(same.length > 0 ? [invalid(path, resources, 'the same resource cannot be specified multiple times')] : []),
    ...(masked.length > 0 || repeatedWildcard
      ? [
          invalid(
            path,
            resources,
            "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked",
          ),
        ]
      : []),
  ];
}

function readProvider(fields: Fields): EncryptionProvider[] {
  const found = providerNames.filter((name) => fields.has(name));
  const [type] = found;
  // What is wrong is never shown: it may hold keys.
  if (type === undefined)
    fields.problem(
      invalid(
        fields.at,
        'REDACTED',
        'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity',
      ),
    );
  else if (found.length > 1)
    fields.problem(
      invalid(
        fields.at,
        'REDACTED',
        'more than one provider specified in a single element, should split into different list elements',
      ),
    );
  else return readers[type](fields);
  return [];
}

const readers: Readonly<Record<(typeof providerNames)[number], (fields: Fields) => EncryptionProvider[]>> = {
  identity(fields) {
    fields.child('identity', []);
    return [{ type: 'identity' }];
  },
  aesgcm(fields) {
    const keys = fields.child('aesgcm', ['keys']).children('keys', ['name', 'secret']);
    if (keys.length === 0) fields.problem(required(`${fields.path('aesgcm')}.keys`, 'at least one keys is required'));
    return [{ type: 'aesgcm', keys: keys.map(readKey) }];
  },
  kms(fields) {
    const kms = fields.child('kms', ['apiVersion', 'name', 'endpoint', 'cachesize', 'timeout']);
    const [name, version, endpoint] = ['name', 'apiVersion', 'endpoint'].map((field) => kms.text(field)) as [
      string,
      string,
      string,
    ];
    if (name === '') kms.problem(required(kms.path('name'), 'name is a mandatory field for a provider'));
    else if (name.includes(':'))
      kms.problem(invalid(kms.path('name'), name, `invalid KMS provider name ${name}, must not contain ':'`));
    if (version !== 'v2')
      kms.problem(
        invalid(
          kms.path('apiVersion'),
          version,
          'unsupported apiVersion apiVersion for KMS provider, only v2 is supported',
        ),
      );
    if (kms.has('cachesize'))
      kms.problem(invalid(kms.path('cachesize'), 'REDACTED', 'cachesize is not supported in v2'));
    if (kms.has('timeout') && kms.durationMs('timeout') <= 0)
      kms.problem(invalid(kms.path('timeout'), kms.text('timeout'), 'timeout should be a positive value'));
    if (endpoint === '') kms.problem(invalid(kms.path('endpoint'), '', 'endpoint is a mandatory field for a kms'));
    else if (endpoint !== clusterKeysEndpoint)
      kms.problem(
        invalid(
          kms.path('endpoint'),
          endpoint,
          `unsupported endpoint for KMS provider, only ${goQuoted(clusterKeysEndpoint)} is supported`,
        ),
      );
    return [{ type: 'kms' }];
  },
  aescbc: (fields) => refused(fields, 'aescbc', 'it encrypts without authenticating; use aesgcm or kms'),
  secretbox: (fields) =>
    refused(fields, 'secretbox', 'no runtime of the control plane has its cipher; use aesgcm or kms'),
};

function refused(fields: Fields, name: string, why: string): EncryptionProvider[] {
  fields.problem(invalid(fields.path(name), 'REDACTED', `the provider ${name} is not supported: ${why}`));
  return [];
}

function readKey(fields: Fields): NamedSecret {
  const name = fields.text('name');
  if (name === '') fields.problem(required(fields.path('name'), 'name is a mandatory field for a key'));
  const path = fields.path('secret');
  const secret = fields.secret('secret');
  const bytes = secret === undefined ? undefined : base64Bytes(secret);
  const wrong = (detail: string) => fields.problem(invalid(path, 'REDACTED', detail));
  if (secret === '') fields.problem(required(path, 'secret is a mandatory field for a key'));
  else if (bytes === undefined) wrong('secrets must be base64 encoded');
  else if (!aesKeyBytes.includes(bytes.length))
    wrong(`secret is not of the expected length, got ${bytes.length}, expected one of [${aesKeyBytes.join(' ')}]`);
  return { name, secret: secret ?? '' };
}

/** Undefined: it is not base64 as Go's standard encoding has it. */
export function base64Bytes(text: string): Uint8Array | undefined {
  if (!/^(?:[A-Za-z0-9+/\r\n]*={0,2}[\r\n]*)$/.test(text) || text.replace(/[\r\n]/g, '').length % 4 !== 0)
    return undefined;
  return fromBase64(text);
}
