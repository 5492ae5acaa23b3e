// Step: takes the runtime's record of one container into the pod's state; when it has just ended, its last words too.
import fs from 'node:fs/promises';
import path from 'node:path';
import { instanceLog } from '../../logs/paths.ts';
import { tailOf } from '../../logs/reader.ts';
import { RuntimeError } from '../../runtime.ts';
import { logDirectory, type PodContext, specOf, terminationFile } from '../context.ts';
import { lose } from '../lost.ts';
import { firstMemory } from '../resizing.ts';

const messageBytesMax = 4096;
const fallbackLines = 80;
const fallbackBytesMax = 2048;

/** True when the record says something new. */
export async function learn(context: PodContext, id: string, sandboxId?: string): Promise<boolean> {
  const { state, node } = context;
  const before = state.containers.get(id);
  let record: Awaited<ReturnType<typeof node.runtime.containerStatus>>;
  try {
    record = await node.runtime.containerStatus(id);
  } catch (error) {
    if (!(error instanceof RuntimeError && error.code === 'NOT_FOUND')) throw error;
    lose(context, id);
    return before !== undefined;
  }
  // Another answer may have overtaken this one.
  const known = state.containers.get(id);
  if (known?.state === 'exited' && !known.lost) return false;
  if (!record.sandboxId) record.sandboxId = sandboxId ?? before?.sandboxId ?? '';
  const memory = state.memory.get(id) ?? firstMemory(context, record);
  state.memory.set(id, memory);
  if (record.state === 'exited')
    memory.terminationMessage = await lastWords(context, record.name, record.attempt, record.exitCode);
  state.containers.set(id, record);
  return before?.state !== record.state;
}

async function lastWords(context: PodContext, name: string, attempt: number, exitCode: number): Promise<string> {
  const file = terminationFile(context, name, attempt);
  if (file === '') return '';
  const text = await beginningOf(file).catch(() => '');
  const policy = specOf(context.state.pod, name)?.terminationMessagePolicy;
  if (text !== '' || policy !== 'FallbackToLogsOnError' || exitCode === 0) return text;
  const log = path.join(logDirectory(context), instanceLog(name, attempt));
  return tailOf(log, fallbackLines, fallbackBytesMax).catch(() => '');
}

/** The container may have written gigabytes there, of which no more is read than counts. */
async function beginningOf(file: string): Promise<string> {
  const handle = await fs.open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(messageBytesMax), 0, messageBytesMax, 0);
    return buffer.subarray(0, bytesRead).toString('utf8');
  } finally {
    await handle.close();
  }
}
