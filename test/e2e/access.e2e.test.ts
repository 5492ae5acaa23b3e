// Who may do what, from outside: users with real tokens through real kubectl; a token that dies with its pod; what a node's own
// credential opens; and the database file, which shows no Secret.
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { apply, cluster, deployment, kubectl, type Outcome, run, stateDir, tiffin, tryKubectl, until } from './lib.ts';
import { forever, pod, sh } from './pods.ts';

cluster('access', (ns) => {
  const other = `${ns}-other`;
  /** kubectl as somebody else: a token instead of the administrator's. */
  const as = (token: string) => (args: string, input?: string) =>
    tryKubectl(['--token', token, ...args.split(' ')], input === undefined ? {} : { input });
  const tokenOf = async (account: string) => (await kubectl(`create token ${account} -n ${ns}`)).trim();
  const refused = ({ code, stdout, stderr }: Outcome, what: RegExp | string, asked = '') => {
    expect(stderr, `${asked}: ${stdout}`).toMatch(what);
    expect(code).not.toBe(0);
  };
  const works = (outcome: Outcome) => expect(outcome.code, outcome.stderr).toBe(0);

  beforeAll(async () => {
    await tryKubectl(['create', 'namespace', other]);
    for (const account of ['reader', 'owner', 'nobody']) await kubectl(`create serviceaccount ${account} -n ${ns}`);
    await kubectl(`create clusterrolebinding ${ns}-readers --clusterrole=view --serviceaccount=${ns}:reader`);
    await kubectl(`create rolebinding owners --clusterrole=admin --serviceaccount=${ns}:owner -n ${ns}`);
    return async () => {
      await tryKubectl(['delete', 'clusterrolebinding', `${ns}-readers`]);
      await tryKubectl(['delete', 'namespace', other, '--wait=false']);
    };
  });

  test('a read-only user reads everything but Secrets and what guards the cluster, and writes nothing', async () => {
    const reader = as(await tokenOf('reader'));
    works(await reader('get pods,services,configmaps,deployments -A'));
    works(await reader(`get --raw /api/v1/namespaces/${other}/pods`));
    for (const args of ['get secrets -A', 'get clusterroles', `create configmap x -n ${ns}`, `delete pod x -n ${ns}`])
      refused(await reader(args), / is forbidden: User "system:serviceaccount:\S+:reader" cannot /);
    refused(await reader(`get secrets -n ${ns} --as=system:admin --as-group=system:masters`), /cannot impersonate/);
    expect((await reader(`auth can-i list pods -n ${other}`)).stdout).toBe('yes\n');
    expect((await reader(`auth can-i get secrets -n ${other}`)).stdout).toBe('no\n');
  });

  test("a namespace's admin rules it, and gives away no more than it has", async () => {
    const owner = as(await tokenOf('owner'));
    works(await owner(`apply -n ${ns} -f -`, deployment('owned', { replicas: 0 })));
    works(await owner(`create secret generic mine --from-literal=a=b -n ${ns}`));
    works(await owner(`create role readers --verb=get,list --resource=pods -n ${ns}`));
    works(await owner(`create rolebinding readers --role=readers --user=jane -n ${ns}`));
    refused(
      await owner(`create role more --verb=get --resource=nodes -n ${ns}`),
      'attempting to grant RBAC permissions not currently held',
    );
    refused(
      await owner(`create rolebinding more --clusterrole=cluster-admin --user=jane -n ${ns}`),
      'attempting to grant RBAC permissions not currently held',
    );
    refused(
      await owner(`create clusterrolebinding more --clusterrole=view --user=jane`),
      'cannot create resource "clusterrolebindings"',
    );
    refused(await owner(`get pods -n ${other}`), 'cannot list resource "pods"');
    refused(await owner(`delete namespace ${other}`), 'cannot delete resource "namespaces"');
    // Jane may read pods here, since the owner said so.
    works(await tryKubectl(['get', 'pods', '-n', ns, '--as', 'jane']));
    refused(await tryKubectl(['get', 'pods', '-n', other, '--as', 'jane']), 'cannot list');
  });

  test('a refusal says what would allow it, in one line that does', async () => {
    const nobody = as(await tokenOf('nobody'));
    const { stderr } = await nobody(`get deployments.apps -n ${ns}`);
    const line = /(kubectl create role .*)$/m.exec(stderr)?.[1];
    expect(line, stderr).toBeDefined();
    const { code, stdout } = await tiffin('can', `system:serviceaccount:${ns}:nobody`, 'list', 'deployments', '-n', ns);
    expect(code).toBe(1);
    expect(stdout).toContain(line);
    works(
      await run(
        'sh',
        ['-c', `kubectl() { "$KUBECTL" --kubeconfig "${path.join(stateDir, 'kubeconfig')}" "$@"; }; ${line}`],
        { env: { KUBECTL: (await import('vitest')).inject('kubectl') } },
      ),
    );
    works(await nobody(`get deployments.apps -n ${ns}`));
    const yes = await tiffin('can', `system:serviceaccount:${ns}:nobody`, 'list', 'deployments', '-n', ns);
    expect(yes.stdout).toMatch(/^yes: .*RoleBinding/);
    expect(yes.code).toBe(0);
    const { stdout: who } = await tiffin('access', `system:serviceaccount:${ns}:nobody`);
    expect(who).toMatch(new RegExp(`^system:serviceaccount:${ns}:nobody +${ns} .* list deployments.apps$`, 'm'));
    // What is taken back is taken back at once.
    await kubectl(`delete rolebindings --all -n ${ns}`);
    refused(await nobody(`get deployments.apps -n ${ns}`), 'cannot list');
  });

  test('a token dies with its pod', async () => {
    const show = `cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo; ${forever}`;
    await apply(
      ns,
      pod('mortal', { serviceAccountName: 'reader', containers: [sh('web', show)], terminationGracePeriodSeconds: 0 }),
    );
    const token = await until('the token', async () => (await tryKubectl(['logs', 'mortal', '-n', ns])).stdout.trim());
    const mortal = as(token);
    works(await mortal('get pods -A'));
    await kubectl(`delete pod mortal -n ${ns}`);
    refused(await mortal('get pods -A'), /Unauthorized|You must be logged in/);
  });

  test("a node's credential: its own things, and nothing else", async () => {
    await kubectl(`create secret generic used --from-literal=a=b -n ${ns}`);
    await kubectl(`create secret generic unused --from-literal=a=b -n ${ns}`);
    const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'used', key: 'a' } } }];
    await apply(ns, pod('user', { nodeName: 'node-1', containers: [sh('web', forever, { env })] }));
    await apply(ns, pod('elsewhere', { nodeName: 'node-2' }));
    const node = as(credentialOf('node-1'));
    for (const args of [
      'get node node-1',
      `get pod user -n ${ns}`,
      `get secret used -n ${ns}`,
      'get pods -A --field-selector spec.nodeName=node-1',
      'get lease node-1 -n kube-node-lease',
      'label node node-1 example.com/a=b --overwrite',
    ])
      works(await node(args));
    for (const args of [
      'get node node-2',
      'get pods -A',
      'get pods -A --field-selector spec.nodeName=node-2',
      `get pod elsewhere -n ${ns}`,
      `get secret unused -n ${ns}`,
      `get secrets -n ${ns}`,
      'get secrets -A',
      `delete pod elsewhere -n ${ns}`,
      `create configmap x -n ${ns}`,
      'delete node node-1',
      'delete node node-2',
      'label node node-1 node-restriction.kubernetes.io/a=b',
      'label node node-1 node-role.kubernetes.io/control-plane=',
      'label node node-2 example.com/a=b',
      'taint node node-1 a=b:NoSchedule',
      `create token reader -n ${ns}`,
      `create token default -n kube-system`,
      `create rolebinding x --clusterrole=admin --user=system:node:node-1 -n ${ns}`,
      `create clusterrolebinding x --clusterrole=cluster-admin --group=system:nodes`,
      'get clusterroles',
      'get --raw /metrics',
      'get pods -A --as=system:admin',
    ])
      refused(await node(args), /\(Forbidden\)|forbidden/, args);
    const owner = JSON.stringify({
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: 'u' }] },
    });
    refused(
      await tryKubectl(['--token', credentialOf('node-1'), 'patch', 'node', 'node-1', '-p', owner]),
      /[Ff]orbidden/,
    );
  });

  test("a Secret's data is in no file of the control plane", async () => {
    const marker = `marker-${process.pid}-that-nobody-else-writes`;
    await kubectl(`create secret generic hidden --from-literal=key=${marker} -n ${ns}`);
    await kubectl(`annotate secret hidden note=${marker} -n ${ns}`);
    await kubectl(`create configmap shown --from-literal=key=plain-${marker} -n ${ns}`);
    const texts = [marker, Buffer.from(marker).toString('base64').slice(0, 40)];
    const found = () =>
      files(path.join(stateDir, 'ledger')).filter((file) => texts.some((text) => fs.readFileSync(file).includes(text)));
    // The search finds what is there to be found.
    await until('the configuration', () => found().length > 0);
    await kubectl(`delete configmap shown -n ${ns}`);
    await kubectl(`delete secret hidden -n ${ns}`);
    const hidden = files(path.join(stateDir, 'ledger')).filter((file) => {
      const bytes = fs.readFileSync(file);
      return texts.some((text) => bytes.toString('latin1').replaceAll(`plain-${marker}`, '').includes(text));
    });
    expect(hidden).toEqual([]);
  });
});

const files = (directory: string): string[] =>
  fs
    .readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

/** What the agent of a node keeps on its disk. */
function credentialOf(node: string): string {
  for (const file of files(path.join(stateDir, 'nodes', node))) {
    if (fs.statSync(file).size > 100_000) continue;
    const found = /tiffin-node\.[A-Za-z0-9_.-]+/.exec(fs.readFileSync(file, 'utf8'));
    if (found) return found[0];
  }
  throw new Error(`no credential of ${node} was found`);
}
