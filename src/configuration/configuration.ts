// What an administrator configures beyond the objects of the API, in Kubernetes' own configuration kinds: one file of several
// YAML documents, checked by `tiffin up --config` and `tiffin deploy --config` before anything starts, and once more by the
// server. Knows only which kinds there are; each has a file of its own beside this one.
import type { FieldError } from '../machinery/errors.ts';
import { causesOf } from '../machinery/errors.ts';
import { isAdmissionConfiguration, pluginConfigurations } from './admission.ts';
import { type AuditPolicy, auditPolicy } from './audit.ts';
import { type AuditSinks, auditSinks } from './audit-sinks.ts';
import { type Authentication, authenticationConfiguration, overlappingIssuers } from './authentication.ts';
import { type Authorization, authorizationConfiguration } from './authorization.ts';
import { type Encryption, encryptionConfiguration } from './encryption.ts';
import { type EventRateLimit, eventRateLimit } from './event-rate-limit.ts';
import { type RequestLimits, requestLimits } from './limits.ts';
import { type PodSecurity, podSecurityConfiguration } from './pod-security.ts';
import { type RequestAuthentication, requestAuthentication } from './request-authentication.ts';
import { type ServiceAccountTokens, serviceAccountTokens } from './service-accounts.ts';

/** What of each kind was configured; absent: the defaults hold. */
export interface Configuration {
  audit?: AuditPolicy;
  auditSinks?: AuditSinks;
  authentication?: Authentication;
  authorization?: Authorization;
  encryption?: Encryption;
  eventRateLimit?: EventRateLimit;
  limits?: RequestLimits;
  podSecurity?: PodSecurity;
  requestAuthentication?: RequestAuthentication;
  serviceAccountTokens?: ServiceAccountTokens;
}

export interface ConfigurationKind<K extends keyof Configuration = keyof Configuration> {
  /** Where its object lies in a {@link Configuration}. */
  readonly key: K;
  readonly group: string;
  /** Newest first; they may not differ in form. */
  readonly versions: readonly string[];
  readonly kind: string;
  /** The object with its defaults; what is wrong with it is added to `problems`. `document` is whatever somebody wrote. */
  read(document: Readonly<Record<string, unknown>>, problems: FieldError[]): NonNullable<Configuration[K]>;
}

const kinds: readonly ConfigurationKind[] = [
  auditPolicy,
  auditSinks,
  authenticationConfiguration,
  authorizationConfiguration,
  encryptionConfiguration,
  eventRateLimit,
  requestLimits,
  requestAuthentication,
  podSecurityConfiguration,
  serviceAccountTokens,
];

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigurationError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigurationError';
  }
}

function unknownKind(apiVersion: unknown, name: unknown): string {
  const written = [name, apiVersion].map((one) => JSON.stringify(one) ?? 'missing');
  const wanted = (one: ConfigurationKind) =>
    `${one.kind} of ${one.versions.map((v) => `${one.group}/${v}`).join(', ')}`;
  const near = kinds.filter((one) => one.kind === name || `${one.group}/${one.versions[0]}` === apiVersion);
  return [
    `no such configuration: kind is ${written[0]}, apiVersion ${written[1]}; expected`,
    ...(near.length > 0 ? near : kinds).map((one) => `  ${wanted(one)}`),
  ].join('\n');
}

/** Throws {@link ConfigurationError}. `documents`: parsed YAML or JSON; empty ones do not count. */
export function readConfiguration(documents: readonly unknown[]): Configuration {
  const configuration: Record<string, unknown> = {};
  const wrong: string[] = [];
  const readDocument = (document: unknown, where: string): void => {
    if (document === null || document === undefined) return;
    if (typeof document !== 'object' || Array.isArray(document)) {
      wrong.push(`${where}: not an object`);
      return;
    }
    const say = (what: string, problems: readonly FieldError[]) =>
      wrong.push(...causesOf(problems).map(({ field, message }) => `${where} (${what}): ${field}: ${message}`));
    const problems: FieldError[] = [];
    if (isAdmissionConfiguration(document)) {
      const parts = pluginConfigurations(document, problems);
      say('AdmissionConfiguration', problems);
      for (const part of parts) readDocument(part.document, `${where}, ${part.at}`);
      return;
    }
    const { apiVersion, kind: name } = document as { apiVersion?: unknown; kind?: unknown };
    const kind = kinds.find(
      (one) => one.kind === name && one.versions.some((version) => apiVersion === `${one.group}/${version}`),
    );
    if (!kind) {
      wrong.push(`${where}: ${unknownKind(apiVersion, name)}`);
      return;
    }
    if (kind.key in configuration) wrong.push(`${where}: ${kind.kind} is there twice`);
    configuration[kind.key] = kind.read(document as Record<string, unknown>, problems);
    say(kind.kind, problems);
  };
  documents.forEach((document, index) => {
    readDocument(document, `document ${index + 1}`);
  });
  const overlapping = causesOf(overlappingIssuers(configuration as Configuration));
  wrong.push(...overlapping.map(({ field, message }) => `AuthenticationConfiguration: ${field}: ${message}`));
  if (wrong.length > 0) throw new ConfigurationError(wrong);
  return configuration as Configuration;
}
