import { expect, test } from 'vitest';
import { goPodSpec, goPodTemplate } from './go-forms.ts';

test('a spec shows what is unset, and keeps what belongs to the host with its security context', () => {
  const spec = goPodSpec({
    containers: [{ name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
    volumes: [{ name: 'v', emptyDir: {} }],
    hostNetwork: true,
  });
  expect(spec).toMatchObject({
    Volumes: [{ Name: 'v', HostPath: null, EmptyDir: { Medium: '', SizeLimit: null } }],
    InitContainers: null,
    SecurityContext: { HostNetwork: true, HostPID: false, RunAsUser: null },
    Containers: [
      { Name: 'c', Image: '', Resources: { Limits: null }, VolumeMounts: [{ ReadOnly: false, SubPath: '' }] },
    ],
  });
  expect(spec).not.toHaveProperty('HostNetwork');
});

test('a template keeps its metadata beside its spec, in the order of the struct', () => {
  const metadata = { annotations: { b: 'c' }, labels: { a: 'b' } };
  const template = goPodTemplate({ metadata: metadata as never, spec: { containers: [] } });
  expect(Object.keys(template)).toEqual(['labels', 'annotations', 'Spec']);
});
