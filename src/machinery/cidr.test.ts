import { expect, it } from 'vitest';
import { firstAddress } from './cidr.ts';

it.each([['10.96.0.0/16', '10.96.0.1']])('the first address of %s is %s', (cidr, address) => {
  expect(firstAddress(cidr)).toBe(address);
});
