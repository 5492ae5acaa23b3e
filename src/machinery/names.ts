// Checks of single strings and numbers (k8s.io/apimachinery/pkg/util/validation). Each returns upstream's messages, none
// when the value is fine; the caller says which field it was.

import { cidrMessages, ipMessages, parseIp } from './cidr.ts';

const maxLength = (length: number): string => `must be no more than ${length} characters`;
/** Of the newer checks, which count as they say. */
const maxBytes = (length: number): string => `must be no more than ${length} bytes`;
const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;

export function regexMessage(message: string, format: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return examples.length === 0
    ? `${message} (regex used for validation is '${format}')`
    : `${message} (e.g. ${shown}regex used for validation is '${format}')`;
}

interface Format {
  regex: RegExp;
  source: string;
}
const format = (source: string): Format => ({ regex: new RegExp(`^${source}$`), source });
/** Lengths are in UTF-8 bytes, as Go counts; formats allow ASCII only, so that only refused strings differ. */
const bytes = (value: string): number => new TextEncoder().encode(value).length;

const label1123 = format('[a-z0-9]([-a-z0-9]*[a-z0-9])?');
const subdomain1123 = format(`${label1123.source}(\\.${label1123.source})*`);
const label1035 = format('[a-z]([-a-z0-9]*[a-z0-9])?');
const wildcard = format(`\\*\\.${subdomain1123.source}`);
const labelKey = format('([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]');
const labelValue = format(`(${labelKey.source})?`);
const configKey = format('[-._a-zA-Z0-9]+');
const percent = format('[0-9]+%');
const headerName = format('[-A-Za-z0-9]+');

const alphanumericEnds = 'and must start and end with an alphanumeric character';

export const isDns1123Subdomain = (value: string): string[] => subdomainProblems(value, maxLength);

function subdomainProblems(value: string, tooLong: (length: number) => string): string[] {
  const out: string[] = [];
  if (bytes(value) > 253) out.push(tooLong(253));
  if (!subdomain1123.regex.test(value))
    out.push(
      regexMessage(
        `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${alphanumericEnds}`,
        subdomain1123.source,
        'example.com',
      ),
    );
  return out;
}

export function isDns1123Label(value: string): string[] {
  const out: string[] = [];
  if (bytes(value) > 63) out.push(maxLength(63));
  if (!label1123.regex.test(value))
    out.push(
      subdomain1123.regex.test(value)
        ? 'must not contain dots'
        : regexMessage(
            `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${alphanumericEnds}`,
            label1123.source,
            'my-name',
            '123-abc',
          ),
    );
  return out;
}

export function isDns1035Label(value: string): string[] {
  const out: string[] = [];
  if (bytes(value) > 63) out.push(maxLength(63));
  if (!label1035.regex.test(value))
    out.push(
      regexMessage(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        label1035.source,
        'my-name',
        'abc-123',
      ),
    );
  return out;
}

export function isWildcardDns1123Subdomain(value: string): string[] {
  const out: string[] = [];
  if (bytes(value) > 253) out.push(maxLength(253));
  if (!wildcard.regex.test(value))
    out.push(
      regexMessage(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        wildcard.source,
        '*.example.com',
      ),
    );
  return out;
}

/** Label keys, annotation keys (lower-cased first), finalizers, condition types: `[prefix/]name`. */
export function isQualifiedName(value: string): string[] {
  const consist = regexMessage(
    `must consist of alphanumeric characters, '-', '_' or '.', ${alphanumericEnds}`,
    labelKey.source,
    'MyName',
    'my.name',
    '123-abc',
  );
  const parts = value.split('/');
  if (parts.length > 2)
    return [`a valid label key ${consist} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const out: string[] = [];
  const name = parts.at(-1) as string;
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === '') out.push('prefix part must be non-empty');
    else out.push(...subdomainProblems(prefix, maxBytes).map((message) => `prefix part ${message}`));
  }
  if (name === '') out.push('name part must be non-empty');
  else if (bytes(name) > 63) out.push(`name part ${maxBytes(63)}`);
  if (!labelKey.regex.test(name)) out.push(`name part ${consist}`);
  return out;
}

export function isLabelValue(value: string): string[] {
  const out: string[] = [];
  if (bytes(value) > 63) out.push(maxBytes(63));
  if (!labelValue.regex.test(value))
    out.push(
      regexMessage(
        `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${alphanumericEnds}`,
        labelValue.source,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  return out;
}

function parentPath(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

export function isConfigMapKey(value: string): string[] {
  const out: string[] = [];
  if (bytes(value) > 253) out.push(maxLength(253));
  if (!configKey.regex.test(value))
    out.push(
      regexMessage(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        configKey.source,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  return [...out, ...parentPath(value)];
}

export function isRelaxedEnvVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[ -<>-~]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export const isPortNumber = (port: number): string[] => isInRange(port, 1, 65535);
const isInRange = (value: number, low: number, high: number): string[] =>
  value >= low && value <= high ? [] : [inclusiveRange(low, high)];
export const isUserId = (id: number): string[] => isInRange(id, 0, 2 ** 31 - 1);
export const isGroupId = isUserId;

export function isPortName(value: string): string[] {
  const out: string[] = [];
  if (bytes(value) > 15) out.push(maxLength(15));
  if (!/^[-a-z0-9]+$/.test(value)) out.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) out.push('must contain at least one letter (a-z)');
  if (value.includes('--')) out.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) out.push('must not begin or end with a hyphen');
  return out;
}

export const isPercent = (value: string): string[] =>
  percent.regex.test(value)
    ? []
    : [
        regexMessage(
          "a valid percent string must be a numeric string followed by an ending '%'",
          percent.source,
          '1%',
          '93%',
        ),
      ];

export const isHttpHeaderName = (value: string): string[] =>
  headerName.regex.test(value)
    ? []
    : [
        regexMessage(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          headerName.source,
          'X-Header-Name',
        ),
      ];

/** 4 or 6, undefined when `value` is no address, be it in an unusual form. */
export const ipFamily = (value: string): 4 | 6 | undefined => parseIp(value)?.family;

export const isIp = (value: string): string[] => ipMessages(value);
export const isCidr = (value: string): string[] => cidrMessages(value);
