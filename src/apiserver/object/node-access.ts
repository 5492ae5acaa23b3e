// Who is let in as a node: joining, renewal and revocation of credentials, as the gateway and nodes' links ask for them. What is
// revoked is of no use from that commit on, whatever a link remembers; the link is told, to hang up.
import { nodes } from '../../generated/schemas/index.ts';
import { errors } from '../../machinery/errors.ts';
import { type JoinRequest, type JoinResponse, joinRequest, type SealedMessage } from '../../protocol/node.ts';
import { openSealed } from '../../protocol/sealed.ts';
import { nodeUser } from '../authz/node-identity.ts';
import type { CertificateSigner } from '../nodes/certificate.ts';
import { cordon } from '../nodes/cordon.ts';
import { hasCredential, revokeCredentials } from '../nodes/credentials.ts';
import { join } from '../nodes/join.ts';
import type { ApiServer } from '../server.ts';
import type { Contacts } from './contacts.ts';

export interface NodeAccessOptions {
  server: () => ApiServer;
  signer: CertificateSigner;
  contacts: Contacts;
  /** Tells a node's link. */
  credentialChanged(node: string): Promise<void>;
}

export class NodeAccess {
  readonly #o: NodeAccessOptions;

  constructor(options: NodeAccessOptions) {
    this.#o = options;
  }

  /** As it was asked, so it is answered: in the open, or sealed. */
  async join(request: JoinRequest | SealedMessage): Promise<JoinResponse | SealedMessage> {
    if (!('sealed' in request)) return this.#join(request);
    const opened = await openSealed(this.#o.signer.agree, request);
    const inside = joinRequest.safeParse(opened.request);
    if (!inside.success) throw errors.badRequest('sealed: not a request to join');
    return opened.answer(await this.#join(inside.data));
  }

  async #join(request: JoinRequest): Promise<JoinResponse> {
    const { server, signer, contacts } = this.#o;
    const lastContact = async (node: string): Promise<number | undefined> => {
      await contacts.refresh([node]);
      return contacts.lastContact(node);
    };
    const answer = await join({ core: server().core, ca: signer.ca, lastContact }, request);
    await this.#hangUp(request.nodeName);
    return answer;
  }

  /** Takes a node's credentials away, and hangs up on it; what runs there is the cluster's to move. */
  async revoke(node: string): Promise<void> {
    const server = this.#o.server();
    const had = await revokeCredentials(server.core.ledger, node);
    const known = await cordon(server.client('node-revocation'), node);
    if (!had && !known) throw errors.notFound(nodes, node);
    await this.#hangUp(node);
  }

  /** What the node has open was opened with a credential that is no more. */
  async #hangUp(node: string): Promise<void> {
    this.#o.server().hangUp(nodeUser(node));
    await this.#o.credentialChanged(node);
  }

  /** Throws Unauthorized where the node has no credential (any more). */
  require(node: string): void {
    if (!hasCredential(this.#o.server().core.ledger, node)) throw errors.unauthorized();
  }
}
