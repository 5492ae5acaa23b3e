import { expect, test } from 'vitest';
import { judgeSuite, readSummary, suiteHeadings } from './suite.ts';

const summary = `ok           1.2  [sig-cli] Kubectl client a should work  [Conformance]
FAIL       300.0  [sig-cli] Kubectl client b should *not* fail [Conformance]
                  timed out waiting for the condition
FAIL         0.1  [sig-apps] Job c [Conformance]
skip         0.1  [sig-apps] Job d [Conformance]
not run        -  [sig-apps] Job e [Conformance]
5 specs in 301 s: 1 ok, 2 failed, 1 skipped, 1 not run
`;

test('a summary tells of each spec whether it passed', () => {
  expect(readSummary(summary).map(({ name, passed }) => [name.slice(0, 22), passed])).toEqual([
    ['[sig-cli] Kubectl clie', true],
    ['[sig-cli] Kubectl clie', false],
    ['[sig-apps] Job c [Conf', false],
    ['[sig-apps] Job d [Conf', true],
    ['[sig-apps] Job e [Conf', false],
  ]);
});

test('what fails is listed, and what is listed fails where it is run', () => {
  const page = `# x
## ${suiteHeadings.never}
| spec | why |
|---|---|
| \`[sig-cli] Kubectl client b should *not* fail *\` | later |
| \`[sig-apps] Job d *\` | no more |
| \`[sig-storage] *\` | not in this run |
## ${suiteHeadings.sometimes}
| \`[sig-apps] Job e *\`, \`[sig-cli] Kubectl client a *\` | a race |
## Others
| \`[sig-apps] Job c *\` | of another table |
`;
  expect(judgeSuite(readSummary(summary), page)).toEqual({
    unlisted: ['[sig-apps] Job c [Conformance]'],
    listed: ['[sig-cli] Kubectl client b should *not* fail [Conformance]', '[sig-apps] Job e [Conformance]'],
    stale: ['[sig-apps] Job d *'],
  });
});
