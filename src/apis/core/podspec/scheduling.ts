// Validation of what decides where a pod may run: tolerations, taints, node selectors, affinity, topology spread.

import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from '../../../generated/schemas/core-v1.ts';
import { goFormOf } from '../../../machinery/diff.ts';
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../../machinery/names.ts';
import { repeats, validateLabelSelector } from '../../../machinery/validation.ts';
import type { Problems } from '../../problems.ts';
import { taintForm } from '../go-forms.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

const labelName = (problems: Problems, path: string, key: string | undefined): void =>
  problems.invalidAll(path, key ?? '', isQualifiedName(key ?? ''));

export function validateTolerations(
  problems: Problems,
  path: string,
  tolerations: readonly Toleration[] | undefined,
): void {
  (tolerations ?? []).forEach((toleration, i) => {
    const at = `${path}[${i}]`;
    const { key = '', value = '' } = toleration;
    const operator: string = toleration.operator ?? '';
    const effect: string = toleration.effect ?? '';
    if (key !== '') labelName(problems, `${at}.key`, key);
    if (key === '' && operator !== 'Exists')
      problems.invalid(
        `${at}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    if (toleration.tolerationSeconds !== undefined && effect !== 'NoExecute')
      problems.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    if (operator === '' || operator === 'Equal') {
      const wrong = isLabelValue(value);
      if (wrong.length > 0) problems.invalid(`${at}.operator`, value, wrong.join(';'));
    } else if (operator === 'Exists') {
      if (value !== '') problems.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'");
    } else {
      problems.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']);
    }
    if (effect !== '' && !effects.includes(effect)) problems.notSupported(`${at}.effect`, effect, effects);
  });
}

export function validateTaints(problems: Problems, path: string, taints: readonly Taint[] | undefined): void {
  const seen = new Set<string>();
  (taints ?? []).forEach((taint, i) => {
    const at = `${path}[${i}]`;
    labelName(problems, `${at}.key`, taint.key);
    const wrong = isLabelValue(taint.value ?? '');
    if (wrong.length > 0) problems.invalid(`${at}.value`, taint.value, wrong.join(';'));
    problems.oneOf(`${at}.effect`, taint.effect, effects, 'required');
    const pair = `${taint.effect} ${taint.key}`;
    if (seen.has(pair))
      problems.list.push({
        type: 'Duplicate',
        field: at,
        badValue: goFormOf(taintForm, taint),
        detail: 'taints must be unique by key and effect pair',
      });
    seen.add(pair);
  });
}

function validateNodeRequirement(
  problems: Problems,
  at: string,
  requirement: NodeSelectorRequirement,
  checkValues: boolean,
): void {
  const values = requirement.values ?? [];
  switch (requirement.operator as string | undefined) {
    case 'In':
    case 'NotIn':
      if (values.length === 0)
        problems.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        problems.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        problems.required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      break;
    default:
      problems.invalid(`${at}.operator`, requirement.operator ?? '', 'not a valid selector operator');
  }
  labelName(problems, `${at}.key`, requirement.key);
  if (checkValues)
    values.forEach((value, j) => {
      problems.invalidAll(`${at}.values[${j}]`, value, isLabelValue(value));
    });
}

function validateNodeTerm(
  problems: Problems,
  path: string,
  term: NodeSelectorTerm | undefined,
  checkValues: boolean,
): void {
  (term?.matchExpressions ?? []).forEach((requirement, i) => {
    validateNodeRequirement(problems, `${path}.matchExpressions[${i}]`, requirement, checkValues);
  });
  (term?.matchFields ?? []).forEach((requirement, i) => {
    const at = `${path}.matchFields[${i}]`;
    const values = requirement.values ?? [];
    if (requirement.operator !== 'In' && requirement.operator !== 'NotIn')
      problems.invalid(`${at}.operator`, requirement.operator ?? '', 'not a valid selector operator');
    else if (values.length !== 1)
      problems.required(
        `${at}.values`,
        "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
      );
    if (requirement.key !== 'metadata.name')
      problems.invalid(`${at}.key`, requirement.key ?? '', 'not a valid field selector key');
    else
      values.forEach((value, j) => {
        problems.invalidAll(`${at}.values[${j}]`, value, isDns1123Subdomain(value));
      });
  });
}

type KeyedSelector = Pick<PodAffinityTerm, 'labelSelector' | 'matchLabelKeys' | 'mismatchLabelKeys'>;

/** When a pod is created each key has become an expression of the selector: another one of that key was the client's. */
function validateKeysNotSelected(
  problems: Problems,
  path: string,
  { labelSelector, matchLabelKeys = [] }: KeyedSelector,
): void {
  const seen = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  const indexes = new Map(matchLabelKeys.map((key, i) => [key, i]));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = indexes.get(key);
    if (index !== undefined && seen.has(key))
      problems.invalid(`${path}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector');
    seen.add(key);
  }
}

function validateLabelKeys(problems: Problems, path: string, term: KeyedSelector): void {
  for (const kind of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    const keys = term[kind] ?? [];
    if (keys.length === 0) continue;
    if (!term.labelSelector)
      problems.forbidden(`${path}.${kind}`, 'must not be specified when labelSelector is not set');
    else
      keys.forEach((key, i) => {
        labelName(problems, `${path}.${kind}[${i}]`, key);
      });
  }
  validateKeysNotSelected(problems, path, term);
  const mismatched = new Set(term.mismatchLabelKeys ?? []);
  (term.matchLabelKeys ?? []).forEach((key, i) => {
    if (mismatched.has(key))
      problems.invalid(`${path}.matchLabelKeys[${i}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys');
  });
}

function validatePodTerm(problems: Problems, path: string, term: PodAffinityTerm | undefined): void {
  if (!term) return;
  problems.addAll(validateLabelSelector(term.labelSelector, `${path}.labelSelector`));
  problems.addAll(validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`));
  for (const name of term.namespaces ?? []) problems.invalidAll(`${path}.namespace`, name, isDns1123Label(name));
  validateLabelKeys(problems, path, term);
  if (!term.topologyKey) problems.required(`${path}.topologyKey`, 'can not be empty');
  labelName(problems, `${path}.topologyKey`, term.topologyKey);
}

/** `checkValues`: upstream holds the values of some selectors to the rules of labels, not of all. */
export function validateNodeSelector(
  problems: Problems,
  path: string,
  selector: NodeSelector | undefined,
  checkValues: boolean,
): void {
  if (!selector) return;
  const at = `${path}.nodeSelectorTerms`;
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) problems.required(at, 'must have at least one node selector term');
  terms.forEach((term, i) => {
    validateNodeTerm(problems, `${at}[${i}]`, term, checkValues);
  });
}

const weightMessage = 'must be in the range 1-100';

export function validateAffinity(problems: Problems, path: string, affinity: Affinity | undefined): void {
  const node = affinity?.nodeAffinity;
  const nodePath = `${path}.nodeAffinity`;
  validateNodeSelector(
    problems,
    `${nodePath}.requiredDuringSchedulingIgnoredDuringExecution`,
    node?.requiredDuringSchedulingIgnoredDuringExecution,
    true,
  );
  (node?.preferredDuringSchedulingIgnoredDuringExecution ?? []).forEach((term, i) => {
    const at = `${nodePath}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
    if (!(term.weight > 0 && term.weight <= 100)) problems.invalid(`${at}.weight`, term.weight ?? 0, weightMessage);
    validateNodeTerm(problems, `${at}.preference`, term.preference, false);
  });
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const pods = affinity?.[kind];
    (pods?.requiredDuringSchedulingIgnoredDuringExecution ?? []).forEach((term, i) => {
      validatePodTerm(problems, `${path}.${kind}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`, term);
    });
    (pods?.preferredDuringSchedulingIgnoredDuringExecution ?? []).forEach((weighted, i) => {
      const at = `${path}.${kind}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      if (!(weighted.weight > 0 && weighted.weight <= 100))
        problems.invalid(`${at}.weight`, weighted.weight ?? 0, weightMessage);
      validatePodTerm(problems, `${at}.podAffinityTerm`, weighted.podAffinityTerm);
    });
  }
}

export function validateTopologySpread(
  problems: Problems,
  path: string,
  constraints: readonly TopologySpreadConstraint[] | undefined,
): void {
  const places = (constraints ?? []).map((one) => JSON.stringify([one.topologyKey ?? '', one.whenUnsatisfiable ?? '']));
  // The last of its kind is none too many.
  const repeated = repeats(places.toReversed()).reverse();
  (constraints ?? []).forEach((constraint, i) => {
    const at = `${path}[${i}]`;
    const action: string = constraint.whenUnsatisfiable ?? '';
    if (!(constraint.maxSkew > 0))
      problems.invalid(`${at}.maxSkew`, constraint.maxSkew ?? 0, 'must be greater than zero');
    if (!constraint.topologyKey) problems.required(`${at}.topologyKey`, 'can not be empty');
    if (action !== 'DoNotSchedule' && action !== 'ScheduleAnyway')
      problems.notSupported(`${at}.whenUnsatisfiable`, action, ['DoNotSchedule', 'ScheduleAnyway']);
    if (repeated[i])
      problems.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${constraint.topologyKey}, ${action}}`);
    if (constraint.minDomains !== undefined) {
      if (constraint.minDomains <= 0)
        problems.invalid(`${at}.minDomains`, constraint.minDomains, 'must be greater than zero');
      if (action !== 'DoNotSchedule')
        problems.invalid(
          `${at}.minDomains`,
          constraint.minDomains,
          `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`,
        );
    }
    for (const policy of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const)
      if (constraint[policy] !== undefined)
        problems.oneOf(`${at}.${policy}`, constraint[policy], ['Honor', 'Ignore'], 'unsupported');
    validateLabelKeys(problems, at, constraint);
    problems.addAll(validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`));
  });
}
