// A complete API server out of its parts: the built-in authenticators, authorizers and admission plugins, in upstream's
// order. What workers and test harnesses call.
import { type Authenticator, adminAuthenticator, allAuthenticated, firstOf } from './authn/authenticator.ts';
import { type Authorizer, authorizeBy, discovery, masters } from './authz/authorizer.ts';
import { nodeOfCredential } from './nodes/credentials.ts';
import { ApiServer, type ApiServerOptions } from './server.ts';

export interface CreateOptions extends Omit<ApiServerOptions, 'authenticator' | 'authorizer' | 'admission'> {
  adminToken: string;
  authenticator?: Authenticator;
  authorizer?: Authorizer;
  admission?: ApiServerOptions['admission'];
}

export function createApiServer(options: CreateOptions): ApiServer {
  const { ledger } = options;
  const nodes: Authenticator = {
    async authenticate(token) {
      const node = await nodeOfCredential(ledger, token);
      return node === undefined
        ? undefined
        : { name: `system:node:${node}`, groups: ['system:nodes', allAuthenticated] };
    },
  };
  return new ApiServer({
    authenticator: firstOf([adminAuthenticator(options.adminToken), nodes]),
    authorizer: authorizeBy([masters, discovery]),
    admission: [],
    ...options,
  });
}
