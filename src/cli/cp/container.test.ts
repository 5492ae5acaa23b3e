// Which container is meant, and what is said of one that does not run.
import { expect, test } from 'vitest';
import { defaultContainer, type Pod, whyNotRunning } from './container.ts';

const spec = { containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] };
const choosing = (name: string): Pod => ({
  metadata: { annotations: { 'kubectl.kubernetes.io/default-container': name } },
  spec,
});

test('the pod chooses, else it is the first, which is said where there are others', () => {
  expect(defaultContainer({ spec: { containers: [{ name: 'a' }] } })).toEqual({ container: 'a' });
  expect(defaultContainer(choosing('b'))).toEqual({ container: 'b' });
  const note = 'Defaulted container "a" out of: a, b, i (init)';
  expect(defaultContainer(choosing('gone'))).toEqual({ container: 'a', note });
  const ephemeralContainers = [{ name: 'd' }];
  expect(defaultContainer({ spec: { containers: [{ name: 'a' }], ephemeralContainers } }).note).toBe(
    'Defaulted container "a" out of: a, d (ephem)',
  );
  expect(defaultContainer({})).toEqual({ container: undefined });
});

test('one that does not run says why', () => {
  const status = {
    containerStatuses: [
      { name: 'a', state: { waiting: { reason: 'CrashLoopBackOff' } } },
      { name: 'b', state: { running: {} } },
    ],
    initContainerStatuses: [{ name: 'i', state: { terminated: { reason: 'Completed', exitCode: 0 } } }],
  };
  const why = (name: string) => whyNotRunning({ spec, status }, name);
  expect(why('a')).toBe('waiting (CrashLoopBackOff)');
  expect(why('i')).toBe('terminated (Completed, exit code 0)');
  for (const name of ['b', 'unknown']) expect(why(name)).toBeUndefined();
  expect(whyNotRunning({ spec }, 'a')).toBeUndefined();
});
