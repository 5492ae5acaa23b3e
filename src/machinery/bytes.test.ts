import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  constantTimeEqual,
  fromBase64,
  fromBase64Url,
  sha256,
  textFromBase64,
  textToBase64,
  toBase64,
  toBase64Url,
  toHex,
} from './bytes.ts';

const bytes = fc.uint8Array({ maxLength: 100 });

describe('bytes as text', () => {
  it('are what Node writes, and come back', () => {
    fc.assert(
      fc.property(bytes, (some) => {
        expect(toBase64(some)).toBe(Buffer.from(some).toString('base64'));
        expect(toBase64Url(some)).toBe(Buffer.from(some).toString('base64url'));
        expect(toHex(some)).toBe(Buffer.from(some).toString('hex'));
        expect(fromBase64(toBase64(some))).toEqual(some);
        if (some.length > 0) expect(fromBase64Url(toBase64Url(some))).toEqual(some);
      }),
    );
  });
  it('may be many', () => {
    const many = new Uint8Array(1_000_000).fill(7);
    expect(fromBase64(toBase64(many))).toEqual(many);
  });
  it('have one spelling in base64url', () => {
    expect(fromBase64Url('AQI')).toEqual(Uint8Array.of(1, 2));
    for (const other of ['', 'A', 'AQJ', 'AQI=', 'AQ I', 'A+I', 'AQI\n'])
      expect(fromBase64Url(other), other).toBeUndefined();
  });
  it('are refused, never thrown, where they are none', () => {
    fc.assert(fc.property(fc.string(), (text) => void [fromBase64(text), fromBase64Url(text), textFromBase64(text)]));
    expect(fromBase64('A')).toBeUndefined();
    expect(textFromBase64('%')).toBeUndefined();
    expect(textFromBase64(toBase64(Uint8Array.of(0xff)))).toBeUndefined();
  });
  it('of a text are its UTF-8, whatever it begins with', () => {
    for (const text of ['', 'käse', '\ufeff{}']) expect(textFromBase64(textToBase64(text))).toBe(text);
  });
});

it('a hash is the same of a text and of its UTF-8', async () => {
  expect(toHex(await sha256(''))).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(await sha256('ä')).toEqual(await sha256(Uint8Array.of(0xc3, 0xa4)));
});

it('texts are equal or not', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 3 }), fc.string({ maxLength: 3 }), (a, b) => {
      expect(constantTimeEqual(a, b)).toBe(a === b);
      expect(constantTimeEqual(a, a)).toBe(true);
    }),
  );
});
