// Which labels a node may give itself (kubelet's well-known labels): those under kubernetes.io and k8s.io mean something to
// others, who steer what runs where by them.
const own = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
]);

/** Those that a node may neither set, change nor take away (NodeRestriction), sorted. */
export function forbiddenLabels(keys: readonly string[]): string[] {
  return keys
    .filter((key) => {
      if (own.has(key) || !key.includes('/')) return false;
      const domain = key.slice(0, key.indexOf('/'));
      if (/(^|\.)node-restriction\.kubernetes\.io$/.test(domain)) return true;
      return /(^|\.)(kubernetes\.io|k8s\.io)$/.test(domain) && !/(^|\.)(kubelet|node)\.kubernetes\.io$/.test(domain);
    })
    .sort();
}

type Labels = Readonly<Record<string, string>> | undefined;

export function changedLabels(before: Labels = {}, after: Labels = {}): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const of = (labels: Record<string, string>, key: string) => (Object.hasOwn(labels, key) ? labels[key] : undefined);
  return [...keys].filter((key) => of(before, key) !== of(after, key));
}
