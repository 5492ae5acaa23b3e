import { expect, test } from 'vitest';
import { Unanswered, unansweredMax } from './unanswered.ts';

const stream = { accept: (head: number) => head };

test('many may wait for their pods, as many more may be answered; whoever is through makes room', async () => {
  const unanswered = new Unanswered();
  const ends: ((error?: Error) => void)[] = [];
  const work = (answers: boolean): Promise<void> =>
    unanswered.counted(stream, async ({ accept }) => {
      if (answers) expect(accept(7)).toBe(7);
      await new Promise<void>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    });
  const outcomes: unknown[] = [];
  const begin = (answers: boolean): void => void work(answers).catch((error) => outcomes.push(error.reason));
  for (let i = 0; i < 2 * unansweredMax; i++) begin(true);
  for (let i = 0; i < unansweredMax; i++) begin(false);
  await Promise.resolve();
  expect(outcomes).toEqual([]);
  await expect(work(false)).rejects.toMatchObject({ reason: 'TooManyRequests' });
  // One that was answered is not counted twice; one that fails is through.
  ends[0]!();
  ends.at(-1)!(new Error());
  await new Promise((resolve) => setTimeout(resolve, 1));
  begin(false);
  await expect(work(false)).rejects.toMatchObject({ reason: 'TooManyRequests' });
  for (const end of ends) end();
});
