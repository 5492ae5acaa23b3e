// kubectl 1.35 and helm 4 for the tests, out of an npm package; never what happens to be installed.
import { helmPath, kubectlPath } from '../../src/cli/kubectl.ts';

export const ensureKubectl = (): Promise<string> => kubectlPath({ preferPackaged: true });
export const ensureHelm = (): Promise<string> => helmPath();
