// The environment of a container: service variables, envFrom, env with $(VAR) expansion, in the kubelet's order of
// precedence. Throws ConfigError with the kubelet's words when something that is referenced does not exist.
import { Buffer } from 'node:buffer';
import type { Container, Pod, Service } from '../../src/generated/schemas/core-v1.ts';
import type { Objects } from '../objects.ts';
import { type FieldContext, fieldValue, resourceValue } from './field-ref.ts';

/** The container cannot be created as its pod describes it: CreateContainerConfigError. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const masterServices = new Set(['kubernetes']);

/** Replaces $(NAME); $$ is a dollar sign; unknown names stay as they are. */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    if (text[i] !== '$' || i + 1 >= text.length) {
      out += text[i];
      continue;
    }
    const next = text[i + 1];
    if (next === '$') {
      out += '$';
      i++;
    } else if (next === '(') {
      const end = text.indexOf(')', i + 2);
      if (end < 0) {
        out += '$(';
        i++;
        continue;
      }
      const name = text.slice(i + 2, end);
      out += lookup(name) ?? `$(${name})`;
      i = end;
    } else {
      out += `$${next}`;
      i++;
    }
  }
  return out;
}

/** Docker-link style variables of the services that a pod sees. */
export function serviceVariables(pod: Pod, services: readonly Service[]): Map<string, string> {
  const byName = new Map<string, Service>();
  for (const s of services) {
    const ip = s.spec?.clusterIP;
    if (!ip || ip === 'None' || !s.spec?.ports?.length) continue;
    if (s.metadata.namespace === 'default' && masterServices.has(s.metadata.name)) {
      if (!byName.has(s.metadata.name)) byName.set(s.metadata.name, s);
    } else if (s.metadata.namespace === pod.metadata.namespace && pod.spec?.enableServiceLinks !== false)
      byName.set(s.metadata.name, s);
  }
  const out = new Map<string, string>();
  for (const s of byName.values()) {
    const prefix = s.metadata.name.toUpperCase().replaceAll('-', '_');
    const ip = s.spec!.clusterIP!;
    const ports = s.spec!.ports!;
    out.set(`${prefix}_SERVICE_HOST`, ip);
    out.set(`${prefix}_SERVICE_PORT`, String(ports[0]!.port));
    for (const p of ports) {
      if (p.name) out.set(`${prefix}_SERVICE_PORT_${p.name.toUpperCase().replaceAll('-', '_')}`, String(p.port));
    }
    ports.forEach((p, i) => {
      const protocol = p.protocol ?? 'TCP';
      const host = ip.includes(':') ? `[${ip}]` : ip;
      const url = `${protocol.toLowerCase()}://${host}:${p.port}`;
      const port = `${prefix}_PORT_${p.port}_${protocol}`;
      if (i === 0) out.set(`${prefix}_PORT`, url);
      out.set(port, url);
      out.set(`${port}_PROTO`, protocol.toLowerCase());
      out.set(`${port}_PORT`, String(p.port));
      out.set(`${port}_ADDR`, ip);
    });
  }
  return out;
}

export function environment(
  container: Container,
  fields: FieldContext,
  objects: Objects,
): { key: string; value: string }[] {
  const { pod } = fields;
  const namespace = pod.metadata.namespace ?? '';
  const services = serviceVariables(pod, objects.services());
  const result = new Map<string, string>();
  for (const from of container.envFrom ?? []) {
    const prefix = from.prefix ?? '';
    if (from.configMapRef) {
      const { name = '', optional } = from.configMapRef;
      const map = objects.configMap(namespace, name);
      if (!map && !optional) throw new ConfigError(`configmap "${name}" not found`);
      for (const [k, v] of Object.entries(map?.data ?? {})) result.set(prefix + k, v);
    } else if (from.secretRef) {
      const { name = '', optional } = from.secretRef;
      const secret = objects.secret(namespace, name);
      if (!secret && !optional) throw new ConfigError(`secret "${name}" not found`);
      for (const [k, v] of Object.entries(secret?.data ?? {}))
        result.set(prefix + k, Buffer.from(v, 'base64').toString('utf8'));
    }
  }
  const declared = new Map<string, string>();
  for (const variable of container.env ?? []) {
    let value: string | undefined = variable.value ?? '';
    const from = variable.valueFrom;
    if (variable.value) {
      value = expand(variable.value, (name) => declared.get(name) ?? services.get(name) ?? result.get(name));
    } else if (from?.fieldRef) {
      value = fieldValue(from.fieldRef, fields);
      if (value === undefined) throw new ConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    } else if (from?.resourceFieldRef) {
      const name = from.resourceFieldRef.containerName;
      const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
      const of = name ? all.find((c) => c.name === name) : container;
      if (!of) throw new ConfigError(`container ${name} not found`);
      value = resourceValue(from.resourceFieldRef, of, fields);
      if (value === undefined)
        throw new ConfigError(`unsupported container resource : ${from.resourceFieldRef.resource}`);
    } else if (from?.configMapKeyRef) {
      const { name = '', key, optional } = from.configMapKeyRef;
      const map = objects.configMap(namespace, name);
      if (!map && !optional) throw new ConfigError(`configmap "${name}" not found`);
      const found = map?.data?.[key];
      if (map && found === undefined && !optional)
        throw new ConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
      if (found === undefined) continue;
      value = found;
    } else if (from?.secretKeyRef) {
      const { name = '', key, optional } = from.secretKeyRef;
      const secret = objects.secret(namespace, name);
      if (!secret && !optional) throw new ConfigError(`secret "${name}" not found`);
      const found = secret?.data?.[key];
      if (secret && found === undefined && !optional)
        throw new ConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
      if (found === undefined) continue;
      value = Buffer.from(found, 'base64').toString('utf8');
    }
    declared.set(variable.name, value);
    result.set(variable.name, value);
  }
  // Service variables give way to what the pod sets itself.
  for (const [k, v] of services) if (!result.has(k)) result.set(k, v);
  return [...result].map(([key, value]) => ({ key, value }));
}
