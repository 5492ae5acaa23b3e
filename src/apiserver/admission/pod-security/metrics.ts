// What PodSecurity counts, under upstream's names.
import type { LevelVersion, PodSecurityMode } from '../../../configuration/pod-security.ts';
import { groupResource } from '../../../machinery/meta.ts';
import { Counter, type Family, labels } from '../../metrics/families.ts';
import type { AdmissionRequest } from '../chain.ts';

/** Of the API that is served: what a policy pins above it is not told apart. */
const ownMinor = 36;

type Request = Pick<AdmissionRequest, 'operation' | 'definition' | 'subresource'>;

export class PodSecurityMetrics {
  readonly #evaluations = new Counter(
    'pod_security_evaluations_total',
    '[ALPHA] Number of policy evaluations that occurred, not counting ignored or exempt requests.',
  );
  readonly #exemptions = new Counter(
    'pod_security_exemptions_total',
    '[ALPHA] Number of exempt requests, not counting ignored or out of scope requests.',
  );
  readonly #errors = new Counter(
    'pod_security_errors_total',
    '[ALPHA] Number of errors preventing normal evaluation. Non-fatal errors may result in the latest restricted profile being used for evaluation.',
  );
  readonly families: readonly Family[] = [this.#evaluations, this.#exemptions, this.#errors];

  evaluated(decision: 'allow' | 'deny', policy: LevelVersion, mode: PodSecurityMode, request: Request): void {
    const { level, version } = policy;
    const pinned = level !== 'privileged' && version !== 'latest';
    const future = pinned && Number(version.slice('v1.'.length)) > ownMinor;
    const policyVersion = pinned ? (future ? 'future' : version) : 'latest';
    const own = { decision, mode, policy_level: level, policy_version: policyVersion, ...placeOf(request) };
    this.#evaluations.cell(labels(own)).count++;
  }

  exempted(request: Request): void {
    this.#exemptions.cell(labels(placeOf(request))).count++;
  }

  /** What was evaluated although its namespace has labels that cannot be read. */
  unreadable(request: Request): void {
    this.#errors.cell(labels({ fatal: 'false', ...placeOf(request) })).count++;
  }
}

function placeOf({ operation, definition, subresource }: Request) {
  return {
    request_operation: operation.toLowerCase(),
    resource: groupResource(definition) === 'pods' ? 'pod' : 'controller',
    subresource,
  };
}
