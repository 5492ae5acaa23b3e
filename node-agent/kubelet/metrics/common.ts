// What tables of metrics share: whose they are, and what is used of them.
import type { ContainerFacts, PodFacts, Usage } from '../facts.ts';
import type { Family, Sample } from '../prometheus.ts';

export const seconds = (nanoseconds: number | undefined): number | undefined =>
  nanoseconds === undefined ? undefined : nanoseconds / 1e9;

export const identity = ({ pod }: Pick<PodFacts, 'pod'>): { namespace: string; pod: string } => ({
  namespace: pod.metadata.namespace ?? '',
  pod: pod.metadata.name,
});

export interface Subject {
  pod: PodFacts;
  container: ContainerFacts;
}

export const containersOf = (pods: readonly PodFacts[]): Subject[] =>
  pods.flatMap((pod) => pod.containers.map((container) => ({ pod, container })));

export const usage = (of: (usage: Usage) => number | undefined) => (subject: { usage: Usage | undefined }) =>
  subject.usage && of(subject.usage);

const familyOf =
  (type: Family['type']) =>
  (name: string, help: string, samples: readonly Sample[]): Family => ({ name, type, help, samples });
export const gauge = familyOf('gauge');
export const counter = familyOf('counter');

export const startTime = (startedAtMs: number): Family =>
  gauge('process_start_time_seconds', 'Start time of the process since unix epoch in seconds.', [
    { value: startedAtMs / 1000 },
  ]);
