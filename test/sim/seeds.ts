// Seeds that found a bug, and which: always run, besides those that are asked for. The steps they ran with belong to them.
export interface KnownSeed {
  seed: number;
  steps: number;
  found: string;
}

export const knownSeeds: readonly KnownSeed[] = [
  {
    seed: 987705359,
    steps: 60,
    found:
      'pods of a node that came back stayed not Ready: the answer to the first "not Ready" was overtaken by a second',
  },
];
