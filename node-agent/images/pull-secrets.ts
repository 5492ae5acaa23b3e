// Registry credentials out of imagePullSecrets (kubernetes.io/dockerconfigjson and dockercfg), best match first. Pure.
import { Buffer } from 'node:buffer';
import type { Pod, Secret } from '../../src/generated/schemas/core-v1.ts';
import type { Objects } from '../objects.ts';
import type { RegistryAuth } from '../runtime.ts';

interface Entry {
  username?: string;
  password?: string;
  auth?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** `docker.io` for names without a registry, as everywhere. */
export function registryOf(image: string): string {
  const first = image.split('/')[0]!;
  return image.includes('/') && (first.includes('.') || first.includes(':') || first === 'localhost')
    ? first
    : 'docker.io';
}

function entriesOf(secret: Secret): [string, Entry][] {
  const read = (key: string): unknown => {
    try {
      return JSON.parse(Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8'));
    } catch {
      return undefined;
    }
  };
  const modern = read('.dockerconfigjson') as { auths?: Record<string, Entry> } | undefined;
  const old = read('.dockercfg') as Record<string, Entry> | undefined;
  return Object.entries(modern?.auths ?? old ?? {});
}

const bare = (server: string): string =>
  server
    .replace(/^https?:\/\//, '')
    .replace(/\/$/, '')
    .replace(/\/v[12]$/, '')
    .replace('index.docker.io', 'docker.io');

function matches(server: string, image: string): boolean {
  const [host, ...rest] = bare(server).split('/');
  const pattern = new RegExp(`^${host!.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^.]+')}$`);
  if (!pattern.test(registryOf(image))) return false;
  const prefix = rest.join('/');
  const repository = image.startsWith(`${registryOf(image)}/`) ? image.slice(registryOf(image).length + 1) : image;
  return prefix === '' || repository.startsWith(prefix);
}

export function credentialsFor(pod: Pod, image: string, objects: Objects): RegistryAuth[] {
  const found: { server: string; auth: RegistryAuth }[] = [];
  for (const { name } of pod.spec?.imagePullSecrets ?? []) {
    const secret = name && objects.secret(pod.metadata.namespace ?? '', name);
    if (!secret) continue;
    for (const [server, entry] of entriesOf(secret)) {
      if (!matches(server, image)) continue;
      const [user = '', ...password] = Buffer.from(entry.auth ?? '', 'base64')
        .toString('utf8')
        .split(':');
      found.push({
        server,
        auth: {
          username: entry.username || user,
          password: entry.password || password.join(':'),
          auth: '',
          server_address: '',
          identity_token: entry.identitytoken ?? '',
          registry_token: entry.registrytoken ?? '',
        },
      });
    }
  }
  return found.toSorted((a, b) => b.server.length - a.server.length).map((f) => f.auth);
}
