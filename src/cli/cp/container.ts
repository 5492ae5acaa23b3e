// Which container of a pod a copy is with, and why there can be none just now. Pure.

interface Named {
  name: string;
}
interface Status extends Named {
  state?: {
    running?: object;
    waiting?: { reason?: string };
    terminated?: { reason?: string; exitCode?: number };
  };
}

/** What is read of a pod for it. */
export interface Pod {
  metadata?: { annotations?: Record<string, string> };
  spec?: { containers?: Named[]; initContainers?: Named[]; ephemeralContainers?: Named[] };
  status?: { containerStatuses?: Status[]; initContainerStatuses?: Status[]; ephemeralContainerStatuses?: Status[] };
}

const namesOf = (containers: Named[] = [], suffix = ''): string[] => containers.map(({ name }) => `${name}${suffix}`);

/** The pod's own choice, else its first; `note` says so where there are several, in kubectl's words. */
export function defaultContainer({ metadata, spec }: Pod): { container: string | undefined; note?: string } {
  const names = namesOf(spec?.containers);
  const chosen = metadata?.annotations?.['kubectl.kubernetes.io/default-container'];
  if (chosen !== undefined && names.includes(chosen)) return { container: chosen };
  const all = [
    ...names,
    ...namesOf(spec?.initContainers, ' (init)'),
    ...namesOf(spec?.ephemeralContainers, ' (ephem)'),
  ];
  const container = names[0];
  return all.length > 1
    ? { container, note: `Defaulted container "${container}" out of: ${all.join(', ')}` }
    : { container };
}

/** `waiting (CrashLoopBackOff)`, `terminated (Error, exit code 3)`; undefined where it runs, or nothing is known of it. */
export function whyNotRunning({ status = {} }: Pod, container: string | undefined): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = status;
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  const { waiting, terminated } = all.find(({ name }) => name === container)?.state ?? {};
  if (waiting) return `waiting (${waiting.reason ?? 'for an unknown reason'})`;
  if (terminated) return `terminated (${terminated.reason ?? 'Error'}, exit code ${terminated.exitCode ?? 'unknown'})`;
  return undefined;
}
