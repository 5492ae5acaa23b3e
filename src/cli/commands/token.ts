// `tiffin token create`: a bootstrap token, printed alone on a line for use in scripts, or within the command that uses it.
import { Api, type TargetOptions, targetOf } from '../api.ts';
import { createBootstrapToken } from '../bootstrap-token.ts';
import { durationMs } from '../duration.ts';

export interface TokenCreateOptions extends TargetOptions {
  ttl: string;
  joins: number;
  description?: string;
  printJoinCommand?: boolean;
}

export async function tokenCreate(options: TokenCreateOptions): Promise<void> {
  const ttlMs = durationMs(options.ttl);
  const { joins, description } = options;
  const api = new Api(targetOf(options));
  try {
    const token = await createBootstrapToken(api, { ttlMs, joins, ...(description ? { description } : {}) });
    console.log(options.printJoinCommand ? `./tiffin node join --url ${api.target.url} --token ${token}` : token);
  } finally {
    api.close();
  }
}
