// Validation of a CertificateSigningRequest (certificates/validation). What a stored one already has wrong may stay as it is.

import type { CertificateSigningRequest } from '../../../generated/schemas/certificates-v1.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../../machinery/names.ts';
import { deepEqual, repeats } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { certificateProblem, requestProblem } from './request.ts';

type Condition = NonNullable<CertificateSigningRequest['status']['conditions']>[number];

const legacySigner = 'kubernetes.io/legacy-unknown';
const domainBytesMax = 253;
const signerBytesMax = 571;
const expirationSecondsMin = 600;

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

const repeated = (list: readonly string[]): boolean => new Set(list).size < list.length;
const conditionsOf = (request: CertificateSigningRequest | undefined): Condition[] => request?.status?.conditions ?? [];
const ofType = (request: CertificateSigningRequest, type: string): Condition[] =>
  conditionsOf(request).filter((condition) => condition.type === type);

/** `example.com/signer-name`. */
export function validateSignerName(problems: Problems, path: string, name: string): void {
  if (name === '') {
    problems.required(path, 'signerName must be provided');
    return;
  }
  const [domain = '', rest, ...more] = name.split('/');
  if (rest === undefined || more.length > 0) {
    problems.invalid(path, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  if (domain.length > domainBytesMax) problems.tooLong(path, domainBytesMax);
  const labels = (whole: string, check: (label: string) => string[]): void => {
    const wrong = whole.split('.').find((label) => check(label).length > 0);
    if (wrong === undefined) return;
    for (const why of check(wrong)) problems.invalid(path, whole, `validating label ${JSON.stringify(wrong)}: ${why}`);
  };
  labels(domain, isDns1123Label);
  if (!domain.includes('.'))
    problems.invalid(path, domain, 'should be a domain with at least two segments separated by dots');
  labels(rest, isDns1123Subdomain);
  if (name.length > signerBytesMax) problems.tooLong(path, signerBytesMax);
}

function validateUsages(problems: Problems, list: readonly string[], old: readonly string[] | undefined): void {
  if (list.length === 0) problems.required('spec.usages', 'usages must be provided');
  if (!old || old.every((usage) => usages.includes(usage)))
    list.forEach((usage, i) => {
      if (!usages.includes(usage)) problems.notSupported(`spec.usages[${i}]`, usage, usages);
    });
  const again = repeats(list);
  if (!old || !repeated(old))
    list.forEach((usage, i) => {
      if (again[i]) problems.duplicate(`spec.usages[${i}]`, usage);
    });
}

const decisions = ['Approved', 'Denied'];

function validateConditions(
  problems: Problems,
  request: CertificateSigningRequest,
  old: CertificateSigningRequest | undefined,
): void {
  const before = conditionsOf(old);
  const decided = decisions.every((type) => before.some((condition) => condition.type === type));
  const emptyBefore = before.some((condition) => !condition.type);
  const repeatedBefore = repeated(before.map((condition) => condition.type));
  const seen = new Set<string>();
  conditionsOf(request).forEach(({ type = '', status }, i) => {
    const at = `status.conditions[${i}]`;
    if (type === '' && !emptyBefore) problems.required(`${at}.type`);
    const final = [...decisions, 'Failed'].includes(type);
    problems.oneOf(`${at}.status`, status, final ? ['True'] : ['False', 'True', 'Unknown'], 'required');
    if (!decided && decisions.some((other) => other !== type && decisions.includes(type) && seen.has(other)))
      problems.invalid(`${at}.type`, type, 'Approved and Denied conditions are mutually exclusive');
    if (!repeatedBefore && seen.has(type)) problems.duplicate(`${at}.type`, type);
    seen.add(type);
  });
}

export function validateRequest(
  problems: Problems,
  request: CertificateSigningRequest,
  old?: CertificateSigningRequest,
): void {
  const { spec, status } = request;
  const malformed = requestProblem(spec?.request ?? '');
  if (malformed) problems.invalid('spec.request', spec?.request ?? null, malformed);
  validateUsages(problems, spec?.usages ?? [], old ? (old.spec?.usages ?? []) : undefined);
  const signer = spec?.signerName ?? '';
  if (signer !== legacySigner) validateSignerName(problems, 'spec.signerName', signer);
  else if (old?.spec?.signerName !== legacySigner)
    problems.invalid('spec.signerName', signer, 'the legacy signerName is not allowed via this API version');
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < expirationSecondsMin)
    problems.invalid(
      'spec.expirationSeconds',
      seconds,
      'may not specify a duration less than 600 seconds (10 minutes)',
    );
  validateConditions(problems, request, old);
  if (old && (status?.certificate === old.status?.certificate || certificateProblem(old.status?.certificate))) return;
  const bad = certificateProblem(status?.certificate);
  if (bad) problems.invalid('status.certificate', '<certificate data>', bad);
}

/** What the way of an update may change: the decision (approval), the certificate (status). */
export interface Allowed {
  decision?: boolean;
  certificate?: boolean;
}

export function validateRequestUpdate(
  problems: Problems,
  request: CertificateSigningRequest,
  old: CertificateSigningRequest,
  allowed: Allowed,
): void {
  validateRequest(problems, request, old);
  const path = 'status.conditions';
  for (const type of [...decisions, 'Failed'])
    if (ofType(request, type).length < ofType(old, type).length)
      problems.forbidden(path, `updates may not remove a condition of type "${type}"`);
  if (!allowed.decision)
    for (const type of decisions) {
      const [now, before] = [ofType(request, type), ofType(old, type)];
      if (now.length > before.length) problems.forbidden(path, `updates may not add a condition of type "${type}"`);
      else if (now.length === before.length && !deepEqual(now, before))
        problems.forbidden(path, `updates may not modify a condition of type "${type}"`);
    }
  const before = old.status?.certificate ?? '';
  if ((request.status?.certificate ?? '') === before) return;
  if (!allowed.certificate) problems.forbidden('status.certificate', 'updates may not set certificate content');
  else if (before !== '')
    problems.forbidden('status.certificate', 'updates may not modify existing certificate content');
}
