import { describe, expect, it } from 'vitest';
import { derElements, derSigned, pemBlocks } from './pem.ts';

const block = (type: string, ...lines: string[]): string =>
  [`-----BEGIN ${type}-----`, ...lines, `-----END ${type}-----`, ''].join('\n');

describe('PEM', () => {
  it.each<[string, string, [type: string, headers: boolean, bytes: number[]][]]>([
    ['nothing', '', []],
    ['one', block('A', 'AQI='), [['A', false, [1, 2]]]],
    [
      'text around',
      `x\n${block('A', 'AQ', 'I=')}y\n${block('B C', 'Aw==')}`,
      [
        ['A', false, [1, 2]],
        ['B C', false, [3]],
      ],
    ],
    ['Windows lines', block('A', 'AQI=').replaceAll('\n', '\r\n'), [['A', false, [1, 2]]]],
    ['headers', block('A', 'K: v', 'L: w', '', 'AQI='), [['A', true, [1, 2]]]],
    ['empty', block('A'), [['A', false, []]]],
    ['no base64', block('A', 'A*=='), []],
    ['another end', '-----BEGIN A-----\nAQI=\n-----END B-----\n', []],
    ['no end', '-----BEGIN A-----\nAQI=\n', []],
    ['a second beginning counts', `-----BEGIN A-----\nAQ\n${block('B', 'AQI=')}`, [['B', false, [1, 2]]]],
  ])('%s', (_name, text, blocks) => {
    expect(pemBlocks(text).map(({ type, headers, bytes }) => [type, headers, [...bytes]])).toEqual(blocks);
  });

  it('takes its time once', () => {
    expect(
      pemBlocks(`${'-----BEGIN A-----\nk: v\n'.repeat(60_000)}${block('B', ...new Array(60_000).fill('k: v'))}`),
    ).toEqual([{ type: 'B', headers: true, bytes: new Uint8Array() }]);
  });
});

describe('DER', () => {
  it.each<[string, number[], number[] | undefined]>([
    ['nothing', [], []],
    ['two', [0x02, 1, 5, 0x30, 0], [0x02, 0x30]],
    ['a long length', [0x04, 0x81, 2, 1, 2], [0x04]],
    ['too short', [0x04, 3, 1], undefined],
    ['no length', [0x04], undefined],
    ['an indefinite length', [0x30, 0x80, 0, 0], undefined],
    ['a huge length', [0x30, 0x84, 255, 255, 255, 255], undefined],
    ['a length of five bytes', [0x30, 0x85, 0, 0, 0, 0, 0], undefined],
  ])('%s', (_name, bytes, tags) => {
    expect(derElements(new Uint8Array(bytes))?.map(({ tag }) => tag)).toEqual(tags);
  });

  it('something signed has three parts', () => {
    expect(derSigned(new Uint8Array([0x30, 6, 0x30, 0, 0x30, 0, 0x03, 0]))).toHaveLength(3);
    expect(derSigned(new Uint8Array([0x30, 4, 0x30, 0, 0x30, 0]))).toBeUndefined();
    expect(derSigned(new Uint8Array([0x30, 6, 0x30, 0, 0x30, 0, 0x03, 0, 0x02, 0]))).toBeUndefined();
  });
});
