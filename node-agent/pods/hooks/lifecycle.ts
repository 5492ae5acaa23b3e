// Runs a postStart or preStop handler: exec, http, tcp (refused, as upstream) or sleep. Throws with the reason of failure.
import http from 'node:http';
import https from 'node:https';
import type { LifecycleHandler } from '../../../src/generated/schemas/core-v1.ts';
import { portOf, urlOf } from '../../probes/probe.ts';
import { fieldsOf, type PodContext, specOf } from '../context.ts';

export async function runHandler(
  context: PodContext,
  name: string,
  id: string,
  handler: LifecycleHandler,
): Promise<void> {
  const { node, state } = context;
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const r = await node.runtime.exec(id, command, 0);
    if (r.exitCode === 0) return;
    const output = Buffer.concat([r.stdout, r.stderr]).toString('utf8');
    throw new Error(
      `Exec lifecycle hook (${JSON.stringify(command)}) for Container "${name}" failed - error: command '${command.join(' ')}' exited with ${r.exitCode}: ${output}`,
    );
  }
  if (handler.sleep) {
    await new Promise<void>((resolve) => node.timers.after(handler.sleep!.seconds * 1000, resolve));
    return;
  }
  if (handler.httpGet) {
    const container = specOf(state.pod, name)!;
    const port = portOf(handler.httpGet.port, container) ?? 80;
    const url = urlOf({ ...handler.httpGet, host: handler.httpGet.host || (fieldsOf(context).podIps[0] ?? ''), port });
    await get(url, Object.fromEntries((handler.httpGet.httpHeaders ?? []).map((h) => [h.name, h.value])));
    return;
  }
  throw new Error(`invalid handler: ${JSON.stringify(handler)}`);
}

const timeoutMs = 60_000;

function get(url: string, headers: Record<string, string>): Promise<void> {
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const options = {
      headers: { 'user-agent': 'kube-lifecycle/1.36', ...headers },
      agent: false as const,
      timeout: timeoutMs,
      rejectUnauthorized: false,
    };
    const request = client.get(url, options, (answer) => {
      answer.resume();
      const code = answer.statusCode ?? 0;
      if (code >= 200 && code < 400) resolve();
      else reject(new Error(`HTTP lifecycle hook failed with statuscode: ${code}`));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
  });
}
