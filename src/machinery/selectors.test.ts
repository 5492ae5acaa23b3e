import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError } from './errors.ts';
import {
  everything,
  exactLabels,
  fieldSelectorText,
  matchesFields,
  matchesLabels,
  nothing,
  parseFieldSelector,
  parseLabelSelector,
  selectorFromObject,
  selectorText,
} from './selectors.ts';

const labels = { app: 'web', tier: 'front', 'example.com/n': '7', in: 'x', empty: '' };

describe('label selectors', () => {
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    [' app = web , tier = front ', true],
    ['app=db', false],
    ['app!=db', true],
    ['missing!=x', true],
    ['app in (web, db)', true],
    ['app in (a,b)', false],
    ['app notin (a,b)', true],
    ['missing notin (a)', true],
    ['app', true],
    ['!app', false],
    ['!missing', true],
    ['example.com/n>6', true],
    ['example.com/n>7', false],
    ['example.com/n<8', true],
    ['app>1', false],
    ['in in (x)', true],
    ['in=x', true],
    ['empty=', true],
    ['empty in (,)', true],
    ['empty in ()', true],
    ['app=,tier=front', false],
    ['toString', false],
    ['!__proto__x', undefined],
  ])('%s', (text, expected) => {
    if (expected === undefined) expect(() => parseLabelSelector(text)).toThrow(ApiError);
    else expect(matchesLabels(parseLabelSelector(text), labels)).toBe(expected);
  });

  it.each([
    ['app in web', "unable to parse requirement: found 'web' expected: '('"],
    ['app web', "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt"],
    ['app=web,', "found '', expected: identifier after ','"],
    [',app', "found ',', expected: !, identifier, or 'end of string'"],
    ['app=web tier', "found 'tier', expected: ',' or 'end of string'"],
    ['app in (a', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a=b=c', "found '=', expected: ',' or 'end of string'"],
    [
      'n>x',
      "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
  ])('refuses %s', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(expect.objectContaining({ reason: 'BadRequest', message }));
  });

  it('says what is wrong with a key or a value', () => {
    expect(() => parseLabelSelector('a/b/c=d')).toThrow(
      /^unable to parse requirement: <nil>: Invalid value: "a\/b\/c": /,
    );
    expect(() => parseLabelSelector('a=-')).toThrow(
      /^unable to parse requirement: values\[0\]\[a\]: Invalid value: "-": a valid label must be/,
    );
  });

  it('comes from objects', () => {
    expect(selectorFromObject(undefined)).toBe(nothing);
    expect(matchesLabels(nothing, labels)).toBe(false);
    expect(selectorFromObject({})).toEqual(everything);
    const selector = selectorFromObject({
      matchLabels: { b: '1' },
      matchExpressions: [
        { key: 'a', operator: 'NotIn', values: ['y', 'x'] },
        { key: 'c', operator: 'Exists' },
        { key: 'd', operator: 'DoesNotExist' },
      ],
    });
    expect(selectorText(selector)).toBe('a notin (x,y),b=1,c,!d');
    expect(exactLabels(parseLabelSelector('a=1,b in (2),c in (3,4),d!=5'))).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
  });

  it('round trips through text and fails only with ApiError', () => {
    const word = fc.constantFrom(
      'a',
      'b',
      'app',
      'x/y',
      'in',
      'notin',
      '=',
      '==',
      '!=',
      '!',
      '(',
      ')',
      ',',
      '<',
      '>',
      '1',
      ' ',
      '-',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), (words) => {
        let selector: ReturnType<typeof parseLabelSelector>;
        try {
          selector = parseLabelSelector(words.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError);
          return;
        }
        expect(parseLabelSelector(selectorText(selector))).toEqual(selector);
      }),
    );
  });
});

describe('field selectors', () => {
  const read = (field: string) => ({ 'metadata.name': 'web', 'spec.nodeName': 'n,1=' })[field];
  it.each([
    ['metadata.name=web', true],
    ['metadata.name==web', true],
    ['metadata.name!=web', false],
    ['spec.nodeName=n\\,1\\=', true],
    ['status.phase=', true],
    ['metadata.name=web,status.phase!=Running', true],
    ['', true],
  ])('%s', (text, expected) => {
    const selector = parseFieldSelector(text);
    expect(matchesFields(selector, read)).toBe(expected);
    expect(parseFieldSelector(fieldSelectorText(selector))).toEqual(selector);
  });
  it('refuses what it cannot read', () => {
    expect(() => parseFieldSelector('metadata.name')).toThrow(
      "invalid selector: 'metadata.name'; can't understand 'metadata.name'",
    );
    expect(() => parseFieldSelector('a=b\\n')).toThrow(ApiError);
    expect(() => parseFieldSelector('a=b\\')).toThrow(ApiError);
  });
});
