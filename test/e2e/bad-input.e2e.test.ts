// What a person gets wrong, and what they are told: always a Status that says what and where.
import { expect, test } from 'vitest';
import { cluster, kubectl, tryKubectl } from './lib.ts';

cluster('bad input', (ns) => {
  const refused = async (args: string[], input: string): Promise<string> => {
    const outcome = await tryKubectl([...args, '-n', ns, '-f', '-'], { input });
    expect(outcome.code, outcome.stdout).not.toBe(0);
    return outcome.stderr;
  };
  const pod = (spec: object) => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });

  test('unknown fields, wrong types, invalid names, missing parts', async () => {
    expect(await refused(['apply'], pod({ containers: [{ name: 'c', image: 'x', imag: 'y' }] }))).toContain(
      'unknown field "spec.containers[0].imag"',
    );
    expect(await refused(['apply', '--validate=false'], pod({ containers: 'none' }))).toMatch(
      /cannot unmarshal string into Go/,
    );
    expect(await refused(['apply'], pod({ containers: [] }))).toContain('spec.containers: Required value');
    expect(await refused(['apply'], pod({ containers: [{ name: 'C_', image: 'x' }] }))).toContain(
      'spec.containers[0].name: Invalid value: "C_": a lowercase RFC 1123 label',
    );
    expect(
      await refused(
        ['create'],
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Bad Name' } }),
      ),
    ).toContain('metadata.name: Invalid value: "Bad Name"');
    expect(await refused(['create'], 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: [')).not.toBe('');
    expect(
      await refused(['create'], JSON.stringify({ apiVersion: 'v1', kind: 'Nothing', metadata: { name: 'x' } })),
    ).toContain('no matches for kind "Nothing"');
    expect(
      await refused(
        ['create'],
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'big' },
          data: { a: 'x'.repeat(1_100_000) },
        }),
      ),
    ).toContain('Too long');
  });

  test('immutable fields, conflicts, absent namespaces', async () => {
    await kubectl(['create', 'deployment', 'd', '--image=tiffin.dev/hello:1', '--replicas=0', '-n', ns]);
    expect(
      (
        await tryKubectl([
          'patch',
          'deployment',
          'd',
          '-n',
          ns,
          '-p',
          '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}',
        ])
      ).stderr,
    ).toMatch(/field is immutable|does not match template `labels`|`selector` does not match/);
    expect((await tryKubectl(['create', 'configmap', 'c', '-n', 'nowhere'])).stderr).toContain(
      'namespaces "nowhere" not found',
    );
    expect((await tryKubectl(['create', 'deployment', 'd', '--image=x', '-n', ns])).stderr).toContain(
      'deployments.apps "d" already exists',
    );
    expect((await tryKubectl(['get', 'pods', '-n', ns, '--field-selector=spec.nothing=1'])).stderr).toContain(
      'field label not supported',
    );
  });

  test('an image that cannot be had says so', async () => {
    await kubectl(['run', 'absent', '--image=tiffin.dev/absent:1', '--image-pull-policy=Never', '-n', ns]);
    await expect
      .poll(() => kubectl(['get', 'pod', 'absent', '-n', ns]), { timeout: 20_000 })
      .toContain('ErrImageNeverPull');
    await kubectl(['delete', 'pod', 'absent', '-n', ns, '--now']);
  });
});
