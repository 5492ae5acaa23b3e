// `tiffin cp SRC DEST`: files and folders into and out of containers of any cluster, with progress. Ends with how much was copied,
// or how much there is of a copy that was cut short.

import { printable } from '../access/columns.ts';
import { messageOf } from '../api.ts';
import { type Cluster, type ClusterOptions, clusterOf, getText } from '../cluster.ts';
import { defaultContainer, type Pod, whyNotRunning } from '../cp/container.ts';
import { download } from '../cp/download.ts';
import { Cut, Refused } from '../cp/exec.ts';
import { type Job, summary } from '../cp/job.ts';
import { parseSides } from '../cp/names.ts';
import { upload } from '../cp/upload.ts';
import { CliError } from '../errors.ts';
import { startProgress } from '../progress.ts';

export interface CpOptions extends ClusterOptions {
  namespace?: string;
  container?: string;
  preserve: boolean;
  retries: number;
}

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export async function cp(source: string, destination: string, options: CpOptions): Promise<void> {
  const { kind, local, remote } = parseSides(source, destination);
  const cluster = clusterOf(options);
  const namespace = remote.namespace ?? options.namespace ?? cluster.namespace;
  const stop = new AbortController();
  let stopped: keyof typeof exitCodes | undefined;
  for (const name of Object.keys(exitCodes) as (keyof typeof exitCodes)[]) {
    process.on(name, () => {
      // Somebody who asks twice does not want to hear how far it got.
      if (stopped) process.exit(exitCodes[name]);
      stopped = name;
      stop.abort();
    });
  }
  const progress = startProgress(printable(kind === 'upload' ? source : destination));
  try {
    const container = await containerOf(cluster, namespace, remote.pod, options.container, stop.signal);
    const { preserve, retries } = options;
    const job: Job = {
      ...{ cluster, namespace, pod: remote.pod, container, local, remote: remote.path },
      ...{ preserve, retries, signal: stop.signal, progress },
    };
    const { files, problems } = await (kind === 'upload' ? upload(job) : download(job));
    progress.done();
    console.log(`${printable(`${source} to ${destination}`)}: ${summary(files, progress)}`);
    if (problems > 0) throw new CliError('not everything was copied as it is: see above');
  } catch (error) {
    progress.done();
    throw stopped ? new CliError(lines(error, 'interrupted'), exitCodes[stopped]) : new CliError(lines(error));
  }
}

/** Errors may hold names and words of a container's. */
function lines(error: unknown, otherwise?: string): string {
  const known = error instanceof CliError || error instanceof Cut || error instanceof Refused;
  const message = known || otherwise === undefined ? (error as Error).message : otherwise;
  return message.split('\n').map(printable).join('\n');
}

/** The one that is named, else the pod's default. One that does not run is refused here, since the node does not say why. */
async function containerOf(
  cluster: Cluster,
  namespace: string,
  pod: string,
  named: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  let answer: Awaited<ReturnType<typeof getText>>;
  try {
    answer = await getText(
      cluster,
      `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`,
      signal,
    );
  } catch (error) {
    signal.throwIfAborted();
    throw new CliError(
      `cannot reach ${cluster.url}: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`,
    );
  }
  // Somebody may be allowed to exec, and not to look.
  if (answer.status === 403) return named;
  if (answer.status !== 200) throw new CliError(messageOf(answer.text));
  const read = JSON.parse(answer.text) as Pod;
  const { container, note } = named === undefined ? defaultContainer(read) : { container: named };
  const why = whyNotRunning(read, container);
  if (why !== undefined)
    throw new CliError(`container "${container}" of pod ${namespace}/${pod} is not running: ${why}`);
  if (note !== undefined) console.error(printable(note));
  return container;
}
