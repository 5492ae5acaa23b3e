// What controllers are made with, beside the ReconcileContext of each call. Every folder src/controllers/<name>/
// exports `create(options: ControllerOptions): Controller` from its controller.ts; the generated index calls them all alike:
//   export const createControllers = (options: ControllerOptions): Controller[] => [deployment.create(options), …]

/** Evidence of when nodes last let themselves be heard; it never touches the ledger. */
export interface NodeContacts {
  /**
   * Milliseconds since the epoch of the node's last contact, or of the start of its link or of the control plane where
   * that is later (a restart must never look like silence). Undefined: no agent of that name has ever been heard.
   */
  lastContact(node: string): Promise<number | undefined>;
}

export interface ControllerOptions {
  contacts: NodeContacts;
  /** PEM of the CA that signs the API server's certificate, as pods shall trust it. */
  caCertificate: string;
  /**
   * The token of a Secret of type kubernetes.io/service-account-token, signed by the API server for the account that the
   * Secret names. Absent: such Secrets stay empty.
   */
  secretToken?(namespace: string, secret: string): Promise<string>;
}
