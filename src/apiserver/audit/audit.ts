// The audit log: who asked for what, when, and what came of it (audit.k8s.io). It decides nothing and fails nothing; without a
// policy there is none of it, and a request costs nothing.

import { defaultAuditSinks } from '../../configuration/audit-sinks.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import type { HttpRequest } from '../../machinery/http.ts';
import { Counter, type Family, labels } from '../metrics/families.ts';
import type { RequestInfo } from '../routing.ts';
import type { AuditDecision } from './policy.ts';
import { policyEvaluator } from './policy.ts';
import { type AuditContext, AuditedRequest } from './request.ts';
import { type AuditOutlets, type AuditSink, type SinkOptions, sinksOf } from './sink.ts';

export type { AuditedRequest, AuditOutlets };

export class Audit {
  readonly families: readonly Family[];
  readonly #context: AuditContext;

  /** Undefined: nothing is audited. */
  static of(
    { audit: policy, auditSinks = defaultAuditSinks }: Configuration,
    options: Omit<SinkOptions, 'dropped'>,
  ): Audit | undefined {
    return policy && new Audit({ policy, auditSinks }, options);
  }

  private constructor(
    {
      policy,
      auditSinks,
    }: { policy: NonNullable<Configuration['audit']>; auditSinks: NonNullable<Configuration['auditSinks']> },
    options: Omit<SinkOptions, 'dropped'>,
  ) {
    const events = new Counter(
      'apiserver_audit_event_total',
      '[ALPHA] Counter of audit events generated and sent to the audit backend.',
    );
    const levels = new Counter(
      'apiserver_audit_level_total',
      '[ALPHA] Counter of policy levels for audit events (1 per request).',
    );
    const failures = new Counter(
      'apiserver_audit_error_total',
      '[ALPHA] Counter of audit events that failed to be audited properly. Plugin identifies the plugin affected by the error.',
    );
    this.families = [events, levels, failures];
    const failed = (sink: string, count: number) => {
      failures.cell(labels({ plugin: sink })).count += count;
    };
    const sinks = sinksOf(auditSinks, { ...options, dropped: failed });
    this.#context = {
      evaluate: counted(policyEvaluator(policy), levels),
      clock: options.timers,
      eventBytesMax: auditSinks.eventBytesMax,
      write(event) {
        events.cell('').count++;
        for (const sink of sinks) tell(sink, event, failed);
      },
    };
  }

  /** A request has come. */
  begin(request: HttpRequest, info: RequestInfo, auditId: string): AuditedRequest {
    return new AuditedRequest(this.#context, request, info, auditId);
  }
}

function counted(evaluate: AuditContext['evaluate'], levels: Counter): AuditContext['evaluate'] {
  return (info, user): AuditDecision => {
    const decision = evaluate(info, user);
    levels.cell(labels({ level: decision.level })).count++;
    return decision;
  };
}

function tell(sink: AuditSink, event: string, failed: (sink: string, count: number) => void): void {
  try {
    sink.write(event);
  } catch {
    failed(sink.name, 1);
  }
}
