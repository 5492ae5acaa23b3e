// `tiffin token create`: a bootstrap token, printed alone on a line for use in scripts.
import { Api, type TargetOptions, targetOf } from '../api.ts';
import { createBootstrapToken, parseDuration } from '../bootstrap-token.ts';

export async function tokenCreate(options: TargetOptions & { ttl: string; description?: string }): Promise<void> {
  const ttlMs = parseDuration(options.ttl);
  const api = new Api(targetOf(options));
  try {
    console.log(await createBootstrapToken(api, ttlMs, options.description));
  } finally {
    api.close();
  }
}
