// The bill of materials (CycloneDX 1.6) of what is deployed and installed: every package of the lock file but those that only
// developers need, with its checksum, licence and what it depends on. Made of the lock file alone, so that the same lock always
// gives the same bill.
import fs from 'node:fs';
import path from 'node:path';

export interface LockedPackage {
  version: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  devOptional?: boolean;
  optional?: boolean;
  inBundle?: boolean;
  hasInstallScript?: boolean;
  resolved?: string;
  os?: string[];
  libc?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}
/** By place (`node_modules/a/node_modules/b`); '' is the project itself. */
export type Lock = Record<string, LockedPackage & { name?: string }>;

export const readLock = (root: string): Lock =>
  JSON.parse(fs.readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages as Lock;

/** What the lock file does not know of packages that were never fetched for this platform; as their READMEs say. */
const licences: readonly [RegExp, string][] = [
  [/^node-linux-/, 'MIT'],
  [/^@cloudflare\/workerd-/, 'Apache-2.0'],
];

export const nameOf = (place: string): string =>
  place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);

export function licenceOf(place: string, locked: LockedPackage): string | undefined {
  return locked.license ?? licences.find(([pattern]) => pattern.test(nameOf(place)))?.[1];
}

/** Places of the packages that are more than a developer's. */
export const shipped = (lock: Lock): string[] =>
  Object.keys(lock)
    .filter((place) => place !== '' && !lock[place]?.dev && !lock[place]?.devOptional)
    .sort();

export function sbom(root: string): string {
  const lock = readLock(root);
  const own = lock[''] as LockedPackage & { name: string };
  const places = shipped(lock);
  const refs = [...new Set(places.map((place) => refOf(lock, place)))].sort();
  const byRef = new Map(places.map((place) => [refOf(lock, place), place]));
  const bill = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': ownRef(own),
        name: own.name,
        version: own.version,
        purl: ownRef(own),
        licenses: [{ license: { id: own.license } }],
      },
    },
    components: refs.map((ref) => component(ref, byRef.get(ref) as string, lock)),
    dependencies: [
      { ref: ownRef(own), dependsOn: dependsOn(lock, '') },
      ...refs.map((ref) => ({ ref, dependsOn: dependsOn(lock, byRef.get(ref) as string) })),
    ],
  };
  return `${JSON.stringify(bill, null, 1)}\n`;
}

const ownRef = ({ name, version }: { name: string; version: string }): string => `pkg:npm/${name}@${version}`;

/** A package URL; an at sign of its own is escaped. */
const refOf = (lock: Lock, place: string): string =>
  `pkg:npm/${nameOf(place).replace('@', '%40')}@${lock[place]?.version}`;

function component(ref: string, place: string, lock: Lock): object {
  const locked = lock[place] as LockedPackage;
  const [group, name] = nameOf(place).includes('/') ? nameOf(place).split('/') : [undefined, nameOf(place)];
  const licence = licenceOf(place, locked);
  return {
    type: 'library',
    'bom-ref': ref,
    ...(group ? { group } : {}),
    name,
    version: locked.version,
    scope: locked.optional ? 'optional' : 'required',
    ...(locked.integrity ? { hashes: [hashOf(locked.integrity)] } : {}),
    ...(licence ? { licenses: [/[ ()]/.test(licence) ? { expression: licence } : { license: { id: licence } }] } : {}),
    purl: ref,
  };
}

function hashOf(integrity: string): { alg: string; content: string } {
  const [algorithm = '', digest = ''] = integrity.split('-');
  return {
    alg: algorithm.toUpperCase().replace('SHA', 'SHA-'),
    content: Buffer.from(digest, 'base64').toString('hex'),
  };
}

function dependsOn(lock: Lock, place: string): string[] {
  const { dependencies, optionalDependencies, peerDependencies } = lock[place] as LockedPackage;
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
  const places = names.flatMap((name) => resolved(lock, place, name) ?? []);
  return [...new Set(places.filter((one) => !lock[one]?.dev).map((one) => refOf(lock, one)))].sort();
}

/** Where Node would find it: in the nearest node_modules above. */
function resolved(lock: Lock, from: string, name: string): string | undefined {
  const place = `${from === '' ? '' : `${from}/`}node_modules/${name}`;
  if (lock[place]) return place;
  if (from === '') return undefined;
  return resolved(lock, from.includes('/node_modules/') ? from.slice(0, from.lastIndexOf('/node_modules/')) : '', name);
}
