// The checks of the restricted level: what is good practice for pods, beside everything of the baseline.
import type { Volume } from '../../../generated/schemas/core-v1.ts';
import { unconfinedSeccomp, unmaskedProc } from './baseline.ts';
import {
  type Check,
  type CheckedPod,
  containersText,
  hasOwnUsers,
  isWindows,
  namesOf,
  plural,
  quoted,
  setters,
  settings,
  sorted,
  unless,
  type Violation,
} from './checks.ts';

function allowPrivilegeEscalation({ containers }: CheckedPod): Violation | undefined {
  const bad = containers.filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: 'allowPrivilegeEscalation != false',
    detail: `${containersText(namesOf(bad))} must set securityContext.allowPrivilegeEscalation=false`,
  };
}

function capabilities({ containers }: CheckedPod): Violation | undefined {
  const keeping = containers.filter(({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'));
  const added = containers.map(({ name, securityContext }) => ({
    name,
    forbidden: (securityContext?.capabilities?.add ?? []).filter((one) => one !== 'NET_BIND_SERVICE'),
  }));
  const adding = added.filter(({ forbidden }) => forbidden.length > 0);
  const details = [
    ...(keeping.length > 0
      ? [`${containersText(namesOf(keeping))} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [
          `${containersText(adding.map(({ name }) => name))} must not include ${quoted(
            sorted(adding.flatMap(({ forbidden }) => forbidden)),
          )} in securityContext.capabilities.add`,
        ]
      : []),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
}

const allowedVolumes = new Set<string>([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] satisfies (keyof Volume)[]);

function volumes({ spec }: CheckedPod): Violation | undefined {
  const sourcesOf = (volume: Volume): string[] =>
    Object.keys(volume).filter((key) => key !== 'name' && volume[key as keyof Volume] !== undefined);
  const bad = (spec.volumes ?? []).filter((volume) => !sourcesOf(volume).some((source) => allowedVolumes.has(source)));
  if (bad.length === 0) return undefined;
  const types = sorted(bad.map((volume) => sourcesOf(volume)[0] ?? 'unknown'));
  return {
    reason: 'restricted volume types',
    detail: `${plural(bad.length, 'volume')} ${quoted(bad.map(({ name }) => name))} ${plural(bad.length, 'uses', 'use')} ${plural(types.length, 'restricted volume type')} ${quoted(types)}`,
  };
}

function runAsNonRoot(pod: CheckedPod): Violation | undefined {
  const reason = 'runAsNonRoot != true';
  const set = settings(pod, (context) => context.runAsNonRoot);
  const who = setters(
    set.pod === false,
    set.containers.filter(({ value }) => value === false).map(({ name }) => name),
  );
  if (who !== '') return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  const silent = set.pod ? [] : set.containers.filter(({ value }) => value === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason,
    detail: `pod or ${containersText(silent.map(({ name }) => name))} must set securityContext.runAsNonRoot=true`,
  };
}

function runAsUser(pod: CheckedPod): Violation | undefined {
  const set = settings(pod, (context) => context.runAsUser);
  const who = setters(
    set.pod === 0,
    set.containers.filter(({ value }) => value === 0).map(({ name }) => name),
  );
  return who === '' ? undefined : { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` };
}

function seccompProfile(pod: CheckedPod): Violation | undefined {
  const unconfined = unconfinedSeccomp(pod);
  if (unconfined) return unconfined;
  const types = settings(pod, (context) => context.seccompProfile);
  const silent = types.pod === undefined ? types.containers.filter(({ value }) => value === undefined) : [];
  if (silent.length === 0) return undefined;
  const names = containersText(silent.map(({ name }) => name));
  return {
    reason: 'seccompProfile',
    detail: `pod or ${names} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
}

const level = 'restricted';
export const restrictedChecks: readonly Check[] = [
  {
    level,
    id: 'allowPrivilegeEscalation',
    versions: [
      { since: 8, check: allowPrivilegeEscalation },
      { since: 25, check: unless(isWindows, allowPrivilegeEscalation) },
    ],
  },
  {
    level,
    id: 'capabilities_restricted',
    versions: [
      { since: 22, check: capabilities, overrides: 'capabilities_baseline' },
      { since: 25, check: unless(isWindows, capabilities), overrides: 'capabilities_baseline' },
    ],
  },
  { level, id: 'procMount_restricted', versions: [{ since: 35, check: unmaskedProc, overrides: 'procMount' }] },
  { level, id: 'restrictedVolumes', versions: [{ since: 0, check: volumes, overrides: 'hostPathVolumes' }] },
  {
    level,
    id: 'runAsNonRoot',
    versions: [
      { since: 0, check: runAsNonRoot },
      { since: 35, check: unless(hasOwnUsers, runAsNonRoot) },
    ],
  },
  {
    level,
    id: 'runAsUser',
    versions: [
      { since: 23, check: runAsUser },
      { since: 35, check: unless(hasOwnUsers, runAsUser) },
    ],
  },
  {
    level,
    id: 'seccompProfile_restricted',
    versions: [
      { since: 19, check: seccompProfile, overrides: 'seccompProfile_baseline' },
      { since: 25, check: unless(isWindows, seccompProfile), overrides: 'seccompProfile_baseline' },
    ],
  },
];
