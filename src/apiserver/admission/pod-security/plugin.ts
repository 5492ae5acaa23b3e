// PodSecurity: pods are held to the level of their namespace (Pod Security Standards). A pod that violates what is enforced
// is refused; what is audited is annotated; what is warned of is told. Controllers are only audited and warned of, by their
// template. It never changes an object.
import {
  defaultPodSecurity,
  type LevelVersion,
  type PodSecurity,
  type PodSecurityPolicy,
} from '../../../configuration/pod-security.ts';
import type { Namespace, Pod, PodSpec, PodTemplateSpec } from '../../../generated/schemas/core-v1.ts';
import { namespaces } from '../../../generated/schemas/index.ts';
import { errors, fieldErrorText } from '../../../machinery/errors.ts';
import { groupResource } from '../../../machinery/meta.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../chain.ts';
import { type CheckedPod, checkedPod, type Violation } from './checks.ts';
import { detailsText, evaluate } from './evaluate.ts';
import { isFullyPrivileged, isPrivileged, policyOf, prefix, textOf } from './labels.ts';
import { PodSecurityMetrics } from './metrics.ts';
import { checkNamespace } from './namespaces.ts';

/** All others are taken for ones that change what runs. */
const ignoredSubresources = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status']);

interface Templated {
  template?: PodTemplateSpec;
  spec?: { template?: PodTemplateSpec; jobTemplate?: Templated };
}
const template = ({ spec }: Templated) => spec?.template;
/** Where the pods are described that a controller makes. */
const templates: Readonly<Record<string, (object: Templated) => PodTemplateSpec | undefined>> = {
  replicationcontrollers: template,
  podtemplates: (object) => object.template,
  'replicasets.apps': template,
  'deployments.apps': template,
  'statefulsets.apps': template,
  'daemonsets.apps': template,
  'jobs.batch': template,
  'cronjobs.batch': ({ spec }) => template(spec?.jobTemplate ?? {}),
};

export function podSecurity(configuration: PodSecurity = defaultPodSecurity): AdmissionPlugin {
  const { defaults, exemptions } = configuration;
  const metrics = new PodSecurityMetrics();

  return {
    name: 'PodSecurity',
    families: metrics.families,
    validate(request) {
      const { operation, definition, subresource } = request;
      if (operation !== 'CREATE' && operation !== 'UPDATE') return;
      const resource = groupResource(definition);
      if (resource === 'namespaces') {
        if (subresource === '') checkNamespace(request, configuration);
      } else if (resource === 'pods') {
        if (!ignoredSubresources.has(subresource)) checkPod(request);
      } else if (Object.hasOwn(templates, resource) && subresource === '') checkController(request, resource);
    },
  };

  function checkPod(request: AdmissionRequest): void {
    if (isExempt(request)) return;
    const { policy, problems } = policyFor(request);
    if (problems.length === 0 && isFullyPrivileged(policy)) {
      metrics.evaluated('allow', policy.enforce, 'enforce', request);
      annotate(request, 'enforce-policy', 'privileged:latest');
      return;
    }
    const pod = request.object as Pod;
    if (request.operation === 'UPDATE' && !runsOther(pod.spec, (request.old as Pod).spec)) return;
    hold(request, policy, problems, checkedPod(pod.spec, pod.metadata.annotations), true);
  }

  function checkController(request: AdmissionRequest, resource: string): void {
    if (isExempt(request)) return;
    const { policy, problems } = policyFor(request);
    if (problems.length === 0 && isPrivileged(policy.warn) && isPrivileged(policy.audit)) return;
    const { metadata, spec } = templates[resource]?.(request.object as Templated) ?? {};
    if (spec) hold(request, policy, problems, checkedPod(spec, metadata?.annotations), false);
  }

  function policyFor({ context, namespace }: AdmissionRequest) {
    const found = context.get<Namespace>(namespaces, undefined, namespace);
    if (!found) throw errors.notFound(namespaces, namespace);
    const { policy, problems } = policyOf(found.metadata.labels ?? {}, defaults);
    return { policy, problems: problems.map(fieldErrorText) };
  }

  function isExempt(request: AdmissionRequest): boolean {
    if (exemptions.namespaces.includes(request.namespace)) exempt(request, 'namespace');
    else if (exemptions.usernames.includes(request.user.name)) exempt(request, 'user');
    else return false;
    return true;
  }

  function exempt(request: AdmissionRequest, why: string): void {
    metrics.exempted(request);
    annotate(request, 'exempt', why);
  }

  function hold(
    request: AdmissionRequest,
    policy: PodSecurityPolicy,
    problems: readonly string[],
    pod: CheckedPod,
    enforce: boolean,
  ): void {
    if (exemptions.runtimeClasses.includes(pod.spec.runtimeClassName ?? '')) {
      exempt(request, 'runtimeClass');
      return;
    }
    if (problems.length > 0) {
      metrics.unreadable(request);
      const text = problems.length === 1 ? problems[0] : `[${problems.join(', ')}]`;
      annotate(request, 'error', `Failed to parse policy: ${text}`);
    }
    const known = new Map<string, Violation[]>();
    const violations = (of: LevelVersion): Violation[] => {
      const key = textOf(of);
      const found = known.get(key) ?? evaluate(of, pod);
      known.set(key, found);
      return found;
    };
    const enforced = enforce ? violations(policy.enforce) : [];
    if (enforce) {
      annotate(request, 'enforce-policy', textOf(policy.enforce));
      metrics.evaluated(enforced.length > 0 ? 'deny' : 'allow', policy.enforce, 'enforce', request);
    }
    const audited = violations(policy.audit);
    if (audited.length > 0) {
      annotate(request, 'audit-violations', `would ${violates(policy.audit, audited)}`);
      metrics.evaluated('deny', policy.audit, 'audit', request);
    }
    if (enforced.length > 0)
      throw errors.forbidden(request.definition, request.name, violates(policy.enforce, enforced, 'violates'));
    const warned = violations(policy.warn);
    if (warned.length === 0) return;
    request.warn(`would ${violates(policy.warn, warned)}`);
    metrics.evaluated('deny', policy.warn, 'warn', request);
  }
}

const violates = (policy: LevelVersion, violations: readonly Violation[], verb = 'violate'): string =>
  `${verb} PodSecurity ${JSON.stringify(textOf(policy))}: ${detailsText(violations)}`;

const annotate = (request: AdmissionRequest, key: string, value: string): void =>
  request.annotate?.(`${prefix}${key}`, value);

/** Whether an update makes anything run that has not run before: only images may change, and ephemeral containers come. */
function runsOther(spec: PodSpec, old: PodSpec): boolean {
  type Images = readonly { name: string; image?: string }[];
  const changed = (now: Images = [], before: Images = []) =>
    now.length !== before.length || now.some(({ image }, index) => image !== before[index]?.image);
  const images = new Map((old.ephemeralContainers ?? []).map(({ name, image }) => [name, image]));
  return (
    changed(spec.containers, old.containers) ||
    changed(spec.initContainers, old.initContainers) ||
    (spec.ephemeralContainers ?? []).some(({ name, image }) => !images.has(name) || images.get(name) !== image)
  );
}
