// What is wrong with a text that is no YAML, in the words of Go's reader as far as the errors of our library tell; others stay in
// the library's words. Go's scanner counts lines from 1, its parser from 0, and neither names the first one.

import type { YAMLParseError } from 'yaml';

/** Where Go notices it: how many lines come before, given the text and where our library noticed it. */
type Line = (text: string, at: number) => number;

interface Rule {
  readonly code: string;
  /** Part of the library's message. */
  readonly says?: RegExp;
  /** What holds of the text before the place, and after it. */
  readonly before?: RegExp;
  readonly after?: RegExp;
  readonly by: 'scanner' | 'parser';
  readonly line: Line;
  readonly text: string;
}

const linesBefore = (text: string, at: number): number => text.slice(0, at).split('\n').length - 1;
const here: Line = linesBefore;
/** The end of the text, to the scanner. */
const end: Line = (text) => linesBefore(text, text.length);
/** The end of the text is on a line of its own to the parser. */
const lastLine: Line = (text, at) =>
  text.slice(at).trim() === '' ? end(text, at) + (/[^\n]$/.test(text) ? 1 : 0) : here(text, at);
/** The colon of the second pair, which may be on a line further down. */
const colon: Line = (text, at) => {
  const found = text.slice(at).search(/:(?:\s|$)/);
  return linesBefore(text, found < 0 ? at : at + found);
};
/** A key that no colon follows is given up on the next line. */
const nextLine: Line = (text, at) => linesBefore(text, at) + 1;

const noToken = 'found character that cannot start any token';
const noContent = 'did not find expected node content';
const noKey = 'did not find expected key';
const noColon = "could not find expected ':'";
const misplaced = 'mapping values are not allowed in this context';
const noComma = (bracket: string): string => `did not find expected ',' or '${bracket}'`;
const opened = /[[{,:]\s*$/;

const rules: readonly Rule[] = [
  { code: 'BAD_SCALAR_START', by: 'scanner', line: here, text: noToken },
  {
    code: 'TAB_AS_INDENT',
    before: /[^\s:'"\]}|>-][^\S\n]*\n$/,
    by: 'scanner',
    line: here,
    text: 'found a tab character that violates indentation',
  },
  { code: 'TAB_AS_INDENT', by: 'scanner', line: here, text: noToken },
  { code: 'BAD_DQ_ESCAPE', by: 'scanner', line: here, text: 'found unknown escape character' },
  {
    code: 'BAD_ALIAS',
    says: /empty/,
    by: 'scanner',
    line: here,
    text: 'did not find expected alphabetic or numeric character',
  },
  { code: 'MISSING_CHAR', says: /quote$/, by: 'scanner', line: end, text: 'found unexpected end of stream' },
  { code: 'MISSING_CHAR', says: /Implicit map keys/, by: 'scanner', line: nextLine, text: noColon },
  { code: 'MULTILINE_IMPLICIT_KEY', before: /^$/, by: 'scanner', line: colon, text: misplaced },
  { code: 'MULTILINE_IMPLICIT_KEY', by: 'scanner', line: nextLine, text: noColon },
  { code: 'BLOCK_AS_IMPLICIT_KEY', says: /Nested mappings/, by: 'scanner', line: colon, text: misplaced },
  { code: 'BLOCK_AS_IMPLICIT_KEY', says: /block sequence/, by: 'parser', line: here, text: noKey },
  {
    code: 'UNEXPECTED_TOKEN',
    says: /block-seq-ind on same line/,
    by: 'scanner',
    line: here,
    text: 'block sequence entries are not allowed in this context',
  },
  { code: 'MISSING_CHAR', says: /^Flow/, before: opened, by: 'parser', line: lastLine, text: noContent },
  { code: 'BAD_INDENT', says: /^Flow/, before: opened, after: /^.?$/s, by: 'parser', line: lastLine, text: noContent },
  { code: 'MISSING_CHAR', says: /^Flow sequence/, by: 'parser', line: lastLine, text: noComma(']') },
  { code: 'MISSING_CHAR', says: /^Flow map/, by: 'parser', line: lastLine, text: noComma('}') },
  { code: 'BAD_INDENT', says: /^Flow sequence/, by: 'parser', line: lastLine, text: noComma(']') },
  { code: 'BAD_INDENT', says: /^Flow map/, by: 'parser', line: lastLine, text: noComma('}') },
  { code: 'MISSING_CHAR', says: /between flow map items/, by: 'parser', line: here, text: noComma('}') },
  { code: 'BLOCK_IN_FLOW', by: 'parser', line: here, text: noComma('}') },
  { code: 'MISSING_CHAR', says: /between flow sequence items/, by: 'parser', line: here, text: noComma(']') },
  { code: 'BAD_INDENT', says: /^All mapping items/, by: 'parser', line: here, text: noKey },
  { code: 'UNEXPECTED_TOKEN', says: /flow-(?:map|seq)-end.*document/, by: 'parser', line: here, text: noContent },
  { code: 'UNEXPECTED_TOKEN', says: /flow-(?:map|seq)-end/, before: opened, by: 'parser', line: here, text: noContent },
  { code: 'UNEXPECTED_TOKEN', says: /flow-(?:map|seq)-end/, by: 'parser', line: here, text: noKey },
  {
    code: 'UNEXPECTED_TOKEN',
    says: /scalar/,
    before: /^- [\s\S]*\n$/,
    by: 'parser',
    line: here,
    text: "did not find expected '-' indicator",
  },
  { code: 'UNEXPECTED_TOKEN', says: /scalar/, by: 'parser', line: here, text: noKey },
];

/** Begins with `yaml: `. */
export function yamlProblem(text: string, { code, message, pos: [at] }: YAMLParseError): string {
  const rule = rules.find(
    (one) =>
      one.code === code &&
      (one.says?.test(message) ?? true) &&
      (one.before?.test(text.slice(0, at)) ?? true) &&
      (one.after?.test(text.slice(at)) ?? true),
  );
  if (!rule) return `yaml: ${message}`;
  const line = rule.line(text, at);
  return `yaml: ${line === 0 ? '' : `line ${rule.by === 'scanner' ? line + 1 : line}: `}${rule.text}`;
}
