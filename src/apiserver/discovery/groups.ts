// In which order groups and their versions are told of: as upstream's aggregator ranks them, for clients take the first that
// fits. Groups that are not ranked follow by name.

const ranked = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

export function compareGroups(a: string, b: string): number {
  const rank = (group: string) => (ranked.includes(group) ? ranked.indexOf(group) : ranked.length);
  return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

const stages = ['alpha', 'beta', ''];

/** General availability before beta before alpha, the newer first; what is no such version last, by name. */
export function compareVersions(a: string, b: string): number {
  const parse = (version: string) => /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  const [one, other] = [parse(a), parse(b)];
  if (!one || !other) return one ? -1 : other ? 1 : a < b ? -1 : Number(a > b);
  return (
    stages.indexOf(other[2] ?? '') - stages.indexOf(one[2] ?? '') ||
    Number(other[1]) - Number(one[1]) ||
    Number(other[3] ?? 0) - Number(one[3] ?? 0)
  );
}
