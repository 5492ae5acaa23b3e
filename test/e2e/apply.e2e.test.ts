// What people do with manifests: server-side apply with its conflicts, diff, replace, every patch type, overlays, wait,
// explain and output in any form.
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Deployment } from '../../src/generated/schemas/apps-v1.ts';
import type { ConfigMap, Service } from '../../src/generated/schemas/core-v1.ts';
import { apply, cluster, deployment, get, kubectl, tryKubectl } from './lib.ts';

cluster('apply', (ns) => {
  const k = (args: readonly string[], input?: string) =>
    kubectl([...args, '-n', ns], input === undefined ? {} : { input });
  const tryK = (args: readonly string[], input?: string) =>
    tryKubectl([...args, '-n', ns], input === undefined ? {} : { input });
  const configMap = (name: string, data: Record<string, string>) =>
    JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
  const serverSide = (manager: string, ...more: string[]) => [
    'apply',
    '--server-side',
    `--field-manager=${manager}`,
    ...more,
    '-f',
    '-',
  ];
  const owners = async (name: string) =>
    Object.fromEntries(
      (
        JSON.parse(await k(['get', 'configmap', name, '-o', 'json', '--show-managed-fields'])) as ConfigMap
      ).metadata.managedFields?.map(({ manager, operation, fieldsV1 }) => [
        `${manager} ${operation}`,
        Object.keys((fieldsV1?.['f:data'] as object | undefined) ?? {}).sort(),
      ]) ?? [],
    );

  test('server-side apply: owners, a conflict in upstream’s words, force, and giving up a field', async () => {
    expect(await k(serverSide('ann'), configMap('shared', { a: '1', b: '1' }))).toContain(
      'configmap/shared serverside-applied',
    );
    expect(await k(serverSide('bob'), configMap('shared', { c: '1' }))).toContain('serverside-applied');
    expect(await owners('shared')).toEqual({ 'ann Apply': ['f:a', 'f:b'], 'bob Apply': ['f:c'] });
    const conflict = await tryK(serverSide('bob'), configMap('shared', { a: '2', c: '1' }));
    expect(conflict.code).not.toBe(0);
    expect(conflict.stderr).toContain('Apply failed with 1 conflict: conflict with "ann": .data.a');
    expect(conflict.stderr).toContain('--force-conflicts');
    await k(serverSide('bob', '--force-conflicts'), configMap('shared', { a: '2', c: '1' }));
    expect(await owners('shared')).toEqual({ 'ann Apply': ['f:b'], 'bob Apply': ['f:a', 'f:c'] });
    await k(serverSide('ann'), configMap('shared', {}));
    expect((await get<ConfigMap>(`configmap shared -n ${ns}`)).data).toEqual({ a: '2', c: '1' });
  });

  test('what was applied by the client goes on by the server', async () => {
    await apply(ns, configMap('migrated', { a: '1', b: '1' }));
    await k(['apply', '--server-side', '-f', '-'], configMap('migrated', { a: '2' }));
    expect((await get<ConfigMap>(`configmap migrated -n ${ns}`)).data).toEqual({ a: '2' });
    // kubectl itself keeps the annotation of client-side apply under a manager of its own.
    expect(Object.keys(await owners('migrated')).sort()).toEqual(['kubectl Apply', 'kubectl-last-applied Apply']);
  });

  test('diff says what apply would do, and dry runs change nothing', async () => {
    await apply(ns, deployment('web', { replicas: 1 }));
    expect((await tryK(['diff', '-f', '-'], deployment('web', { replicas: 1 }))).code).toBe(0);
    for (const how of [[], ['--server-side', '--force-conflicts']]) {
      const differs = await tryK(['diff', ...how, '-f', '-'], deployment('web', { replicas: 3 }));
      expect(differs.code).toBe(1);
      expect(differs.stdout).toMatch(/-\s+replicas: 1\n\+\s+replicas: 3/);
    }
    expect(await k(['apply', '--dry-run=server', '-f', '-'], deployment('web', { replicas: 3 }))).toContain(
      '(server dry run)',
    );
    expect((await get<Deployment>(`deployment web -n ${ns}`)).spec.replicas).toBe(1);
  });

  test('wait for conditions, for values and for deletion', async () => {
    expect(await k(['wait', '--for=condition=Available', 'deployment/web', '--timeout=60s'])).toContain(
      'condition met',
    );
    await k(['wait', '--for=jsonpath={.status.readyReplicas}=1', 'deployment/web', '--timeout=60s']);
    await k(['create', 'configmap', 'passing']);
    const gone = k(['wait', '--for=delete', 'configmap/passing', '--timeout=30s']);
    await k(['delete', 'configmap', 'passing']);
    await gone;
    await k(['wait', '--for=create', 'configmap/kube-root-ca.crt', '--timeout=30s']);
    const never = await tryK(['wait', '--for=condition=Never', 'deployment/web', '--timeout=1s']);
    expect(never.stderr).toContain('timed out waiting for the condition');
  });

  test('replace, with and without force', async () => {
    await apply(ns, configMap('replaced', { a: '1', b: '1' }));
    const { uid } = (await get<ConfigMap>(`configmap replaced -n ${ns}`)).metadata;
    await k(['replace', '-f', '-'], configMap('replaced', { c: '1' }));
    expect(await get<ConfigMap>(`configmap replaced -n ${ns}`)).toMatchObject({ data: { c: '1' }, metadata: { uid } });
    await k(['replace', '--force', '-f', '-'], configMap('replaced', { d: '1' }));
    const made = await get<ConfigMap>(`configmap replaced -n ${ns}`);
    expect(made.data).toEqual({ d: '1' });
    expect(made.metadata.uid).not.toBe(uid);
    expect((await tryK(['replace', '-f', '-'], configMap('absent', {}))).stderr).toContain('(NotFound)');
  });

  test('every type of patch, and subresources', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'ports' },
      spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] },
    };
    await apply(ns, JSON.stringify(service));
    const patch = (type: string, body: unknown) =>
      k(['patch', 'service', 'ports', `--type=${type}`, '-p', JSON.stringify(body)]);
    const ports = async () =>
      (await get<Service>(`service ports -n ${ns}`)).spec.ports?.map(({ name, port }) => `${name}=${port}`);
    // Strategic merge goes by the port number, merge replaces the list, JSON patch by index.
    await patch('strategic', { spec: { ports: [{ name: 'https', port: 443 }] } });
    expect(await ports()).toEqual(['https=443', 'http=80']);
    await patch('strategic', { spec: { ports: [{ $patch: 'delete', port: 443 }] } });
    expect(await ports()).toEqual(['http=80']);
    await patch('merge', { spec: { ports: [{ name: 'only', port: 81 }] } });
    expect(await ports()).toEqual(['only=81']);
    await patch('json', [
      { op: 'test', path: '/spec/ports/0/port', value: 81 },
      { op: 'add', path: '/spec/ports/-', value: { name: 'more', port: 82 } },
    ]);
    expect(await ports()).toEqual(['only=81', 'more=82']);
    await k(['patch', 'deployment', 'web', '--subresource=scale', '--type=merge', '-p', '{"spec":{"replicas":2}}']);
    expect((await get<Deployment>(`deployment web -n ${ns}`)).spec.replicas).toBe(2);
    const refused = await tryK([
      'patch',
      'service',
      'ports',
      '--type=json',
      '-p',
      '[{"op":"test","path":"/metadata/name","value":"x"}]',
    ]);
    expect(refused.stderr).toMatch(/the server rejected our request due to an error in our request/);
  });

  test('output as columns, by JSONPath, by template', async () => {
    expect(
      await k([
        'get',
        'deployment',
        'web',
        '-o',
        'custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image',
      ]),
    ).toMatch(/^NAME\s+IMAGE\nweb\s+tiffin\.dev\/hello:1\n$/);
    expect(await k(['get', 'service', 'ports', '-o', 'jsonpath={range .spec.ports[*]}{.name}={.port} {end}'])).toBe(
      'only=81 more=82 ',
    );
    expect(await k(['get', 'service', 'ports', '-o', 'go-template={{.spec.type}}'])).toBe('ClusterIP');
    expect(await k(['get', 'services,deployments', '-o', 'name'])).toMatch(
      /service\/ports[\s\S]*deployment\.apps\/web/,
    );
    expect(await k(['get', 'pods', '--sort-by=.metadata.name', '--show-labels', '-l', 'app in (web)'])).toContain(
      'LABELS',
    );
  });

  test('overlays of kustomize', async () => {
    const staging = path.join(import.meta.dirname, 'overlays/staging');
    expect(await k(['apply', '-k', staging])).toMatch(
      /configmap\/staging-settings-\w+ created[\s\S]*deployment.apps\/staging-web created/,
    );
    await k(['rollout', 'status', 'deployment/staging-web', '--timeout=60s']);
    const made = await get<Deployment>(`deployment staging-web -n ${ns}`);
    expect(made.spec).toMatchObject({ replicas: 2, selector: { matchLabels: { stage: 'staging' } } });
    expect(made.spec.template.spec?.containers[0]?.env).toEqual([{ name: 'STAGE', value: 'staging' }]);
    expect((await tryK(['diff', '-k', staging])).code).toBe(0);
    await k(['delete', '-k', staging]);
  });

  test('explain and api-resources', async () => {
    const pod = await kubectl('explain pods');
    expect(pod).toMatch(/^KIND: {7}Pod\nVERSION: {4}v1\n\nDESCRIPTION:\n {4}Pod is a collection of containers/);
    expect(pod).toMatch(/FIELDS:\n {2}apiVersion\t<string>/);
    expect(await kubectl('explain deployment.spec.strategy.type')).toMatch(
      /FIELD: type <string>\nENUM:\n {4}Recreate\n {4}RollingUpdate/,
    );
    expect(await kubectl('explain horizontalpodautoscaler.spec --api-version=autoscaling/v1')).toContain(
      'targetCPUUtilization',
    );
    expect(await kubectl('explain cronjobs --recursive')).toContain('startingDeadlineSeconds\t<integer>');
    const resources = await kubectl('api-resources --no-headers -o name');
    for (const name of [
      'ingresses.networking.k8s.io',
      'jobs.batch',
      'roles.rbac.authorization.k8s.io',
      'events.events.k8s.io',
    ])
      expect(resources.split('\n')).toContain(name);
    expect(await kubectl('api-versions')).toContain('autoscaling/v2\n');
  });

  test('unknown fields are named', async () => {
    const typo = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"typo"},"dat":{"a":"1"}}';
    const refused = await tryK(['create', '-f', '-'], typo);
    expect(refused.stderr).toContain('unknown field "dat"');
    const warned = await tryK(['create', '--validate=warn', '-f', '-'], typo);
    expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining('Warning: unknown field "dat"') });
  });
});
