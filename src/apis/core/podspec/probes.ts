// Validation of probes and lifecycle handlers (core/validation: validateProbe, validateHandler, validateLifecycle).

import type { Lifecycle, LifecycleHandler, Probe } from '../../../generated/schemas/core-v1.ts';
import { isHttpHeaderName, isPortName, isPortNumber } from '../../../machinery/names.ts';
import type { Problems } from '../../problems.ts';

/** A port given by number or by a container port's name. */
export function validatePortNumberOrName(problems: Problems, path: string, port: number | string | undefined): void {
  if (typeof port === 'string') problems.invalidAll(path, port, isPortName(port));
  else problems.invalidAll(path, port ?? 0, isPortNumber(port ?? 0));
}

type Handler = LifecycleHandler & Pick<Probe, 'grpc'>;

function validateHandler(problems: Problems, path: string, handler: Handler, graceSeconds: number | undefined): void {
  let handlers = 0;
  const another = (name: string): boolean => {
    if (handlers++ === 0) return true;
    problems.forbidden(`${path}.${name}`, 'may not specify more than 1 handler type');
    return false;
  };
  if (handler.exec && another('exec') && !handler.exec.command?.length) problems.required(`${path}.exec.command`);
  if (handler.httpGet && another('httpGet')) {
    const http = handler.httpGet;
    if (!http.path) problems.required(`${path}.httpGet.path`);
    validatePortNumberOrName(problems, `${path}.httpGet.port`, http.port);
    if (http.scheme !== 'HTTP' && http.scheme !== 'HTTPS')
      problems.notSupported(`${path}.httpGet.scheme`, http.scheme ?? '', ['HTTP', 'HTTPS']);
    for (const header of http.httpHeaders ?? [])
      problems.invalidAll(`${path}.httpGet.httpHeaders`, header.name ?? '', isHttpHeaderName(header.name ?? ''));
  }
  if (handler.tcpSocket && another('tcpSocket'))
    validatePortNumberOrName(problems, `${path}.tcpSocket.port`, handler.tcpSocket.port);
  if (handler.grpc && another('grpc')) validatePortNumberOrName(problems, `${path}.grpc.port`, handler.grpc.port);
  if (handler.sleep && another('sleep')) {
    const seconds = handler.sleep.seconds ?? 0;
    if (graceSeconds !== undefined && (seconds < 0 || seconds > graceSeconds))
      problems.invalid(
        `${path}.sleep`,
        seconds,
        `must be non-negative and less than terminationGracePeriodSeconds (${graceSeconds})`,
      );
  }
  if (handlers === 0) problems.required(path, 'must specify a handler type');
}

export function validateLifecycle(
  problems: Problems,
  path: string,
  lifecycle: Lifecycle | undefined,
  graceSeconds: number | undefined,
): void {
  if (lifecycle?.postStart) validateHandler(problems, `${path}.postStart`, lifecycle.postStart, graceSeconds);
  if (lifecycle?.preStop) validateHandler(problems, `${path}.preStop`, lifecycle.preStop, graceSeconds);
}

export type ProbeKind = 'liveness' | 'readiness' | 'startup';

export function validateProbe(
  problems: Problems,
  path: string,
  probe: Probe | undefined,
  kind: ProbeKind,
  graceSeconds: number | undefined,
): void {
  if (!probe) return;
  validateHandler(problems, path, probe, graceSeconds);
  problems.nonNegative(`${path}.initialDelaySeconds`, probe.initialDelaySeconds);
  problems.nonNegative(`${path}.timeoutSeconds`, probe.timeoutSeconds);
  problems.nonNegative(`${path}.periodSeconds`, probe.periodSeconds);
  problems.nonNegative(`${path}.successThreshold`, probe.successThreshold);
  problems.nonNegative(`${path}.failureThreshold`, probe.failureThreshold);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    problems.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0');
  if (kind === 'readiness') {
    if (grace !== undefined)
      problems.invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes');
  } else if ((probe.successThreshold ?? 1) !== 1) {
    problems.invalid(`${path}.successThreshold`, probe.successThreshold, 'must be 1');
  }
}
