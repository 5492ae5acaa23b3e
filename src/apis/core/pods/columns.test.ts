import { describe, expect, test } from 'vitest';
import { cellsOf, objectOf } from '../../testing.ts';
import pods from './definition.ts';

const podWith = (spec: object, metadata: object = {}): object => ({
  metadata,
  spec: { containers: [{ name: 'web', image: 'nginx' }], ...spec },
});

describe('columns', () => {
  const running = { name: 'web', ready: true, restartCount: 0, image: '', imageID: '', state: { running: {} } };
  const cells = (status: object, extra: object = {}, metadata: object = {}) => {
    const pod = objectOf(pods, { ...podWith(extra, metadata), status });
    const { Ready, Status, Restarts } = cellsOf(pods, pod);
    return [Ready, Status, Restarts];
  };
  test.each<[string, object, object, object, unknown[]]>([
    ['pending', { phase: 'Pending' }, {}, {}, ['0/1', 'Pending', '0']],
    ['running', { phase: 'Running', containerStatuses: [running] }, {}, {}, ['1/1', 'Running', '0']],
    [
      'crash loop',
      {
        phase: 'Running',
        containerStatuses: [
          {
            ...running,
            ready: false,
            restartCount: 3,
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-02T03:00:00Z' } },
          },
        ],
      },
      {},
      {},
      ['0/1', 'CrashLoopBackOff', { since: '2026-01-02T03:00:00Z', prefix: '3 (', suffix: ' ago)' }],
    ],
    [
      'terminating',
      { phase: 'Running', containerStatuses: [running] },
      {},
      { deletionTimestamp: '2026-01-02T03:04:05Z' },
      ['1/1', 'Terminating', '0'],
    ],
    [
      'completed',
      {
        phase: 'Succeeded',
        containerStatuses: [{ ...running, ready: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } }],
      },
      {},
      {},
      ['0/1', 'Completed', '0'],
    ],
    [
      'initialising',
      {
        phase: 'Pending',
        initContainerStatuses: [
          { name: 'i', restartCount: 0, state: { running: {} } },
          { name: 'j', restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } },
        ],
      },
      { initContainers: [{ name: 'i' }, { name: 'j' }] },
      {},
      ['0/1', 'Init:0/2', '0'],
    ],
    [
      'init failed',
      {
        phase: 'Pending',
        initContainerStatuses: [{ name: 'i', restartCount: 2, state: { terminated: { exitCode: 3 } } }],
      },
      { initContainers: [{ name: 'i' }] },
      {},
      ['0/1', 'Init:ExitCode:3', '2'],
    ],
    [
      'sidecar',
      {
        phase: 'Running',
        containerStatuses: [running],
        initContainerStatuses: [{ name: 's', restartCount: 0, ready: true, started: true, state: { running: {} } }],
      },
      { initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      {},
      ['2/2', 'Running', '0'],
    ],
    ['evicted', { phase: 'Failed', reason: 'Evicted' }, {}, {}, ['0/1', 'Evicted', '0']],
  ])('%s', (_name, status, extra, metadata, expected) => {
    expect(cells(status, extra, metadata)).toEqual(expected);
  });
});
