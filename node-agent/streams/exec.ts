// Serves `kubectl exec`: a command in a running container, until it has ended and its output is with the client.
import type { ExecOffer } from '../../src/protocol/streams.ts';
import type { Executed, Processes } from './processes.ts';
import { type Outcome, type Pods, runtimeError, serveRemoteCommand, success } from './remote-command.ts';
import type { ServeSocket } from './types.ts';

export function execServer(pods: Pods, processes: Pick<Processes, 'execute'>): ServeSocket<ExecOffer> {
  return (stream) => {
    const { command, protocol } = stream.offer;
    return serveRemoteCommand<ExecOffer, Executed>(pods, stream, {
      absent: (container) => `container not found (${JSON.stringify(container)})`,
      start: async (containerId, streams, size) =>
        processes.execute(containerId, command, streams.tty ? { ...streams, size: await size() } : streams),
      outcome: async ({ exit }) => exitOutcome(await exit, command, protocol),
      failed: (error) =>
        runtimeError(
          protocol,
          `error executing command in container: ${error instanceof Error ? error.message : error}`,
        ),
    });
  };
}

/** Clients of v5 are told it by the API server upstream, the others by the container runtime. */
function exitOutcome(code: number, command: readonly string[], protocol: string): Outcome {
  if (code === 0) return success;
  const why = protocol.startsWith('v5.')
    ? `command terminated with exit code ${code}`
    : `error executing command [${command.join(' ')}], exit code ${code}`;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: ${why}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}
