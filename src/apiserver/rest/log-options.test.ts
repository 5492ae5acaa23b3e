import { expect, test } from 'vitest';
import { logOptions } from './log-options.ts';

const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'c' }] } } as never;
const options = (query: string) => logOptions(new URLSearchParams(query), pod);

test('one of the streams can be chosen, but not its last lines', () => {
  for (const stream of ['All', 'Stdout', 'Stderr']) expect(options(`stream=${stream}`)).toMatchObject({ stream });
  expect(options('stream=All&tailLines=1')).toMatchObject({ tailLines: '1' });
  expect(() => options('stream=Stdout&tailLines=1')).toThrow('mutually exclusive');
  expect(() => options('stream=stdout')).toThrow(
    'stream: Unsupported value: "stdout": supported values: "All", "Stderr", "Stdout"',
  );
});
