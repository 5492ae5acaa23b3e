import { expect, test } from 'vitest';
import type { Pod } from '../../../generated/schemas/core-v1.ts';
import { appArmorAnnotation, applyAppArmorAnnotations } from './app-armor.ts';

const runtimeDefault = { type: 'RuntimeDefault' };
const unconfined = { type: 'Unconfined' };

test.each<
  [
    string,
    annotation: string | undefined,
    pod: object | undefined,
    own: object | undefined,
    object | undefined,
    boolean,
  ]
>([
  ['nothing', undefined, undefined, undefined, undefined, false],
  ['a field alone becomes no annotation', undefined, undefined, unconfined, unconfined, false],
  ['an annotation', 'runtime/default', undefined, undefined, runtimeDefault, true],
  ['one against the pod', 'unconfined', runtimeDefault, undefined, unconfined, true],
  ['one that agrees with the pod', 'runtime/default', runtimeDefault, undefined, undefined, false],
  ['one beside a field', 'runtime/default', undefined, runtimeDefault, runtimeDefault, false],
  ['a profile of the node', 'localhost/a', undefined, undefined, { type: 'Localhost', localhostProfile: 'a' }, true],
  ['one that is padded', 'localhost/a ', undefined, undefined, undefined, true],
  ['one without a name', 'localhost/', undefined, undefined, undefined, true],
  ['magic', 'magic', undefined, undefined, undefined, true],
])('%s', (_, annotation, ofPod, own, becomes, warned) => {
  const key = `${appArmorAnnotation}c`;
  const annotations = annotation === undefined ? {} : { [key]: annotation };
  const securityContext = own && { appArmorProfile: own };
  const pod = {
    metadata: { name: 'p', annotations },
    spec: {
      containers: [{ name: 'c', ...(securityContext ? { securityContext } : {}) }],
      securityContext: ofPod ? { appArmorProfile: ofPod } : {},
    },
  } as unknown as Pod;
  const warnings: string[] = [];
  applyAppArmorAnnotations(pod, (message) => warnings.push(message));
  expect(pod.spec.containers[0]?.securityContext?.appArmorProfile).toEqual(becomes);
  expect(pod.metadata.annotations).toEqual(annotations);
  const message = `metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`;
  expect(warnings).toEqual(warned ? [message] : []);
});
