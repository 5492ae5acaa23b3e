// Writing kubeconfig files. YAML by hand: every scalar is written as JSON, which YAML reads the same.
export interface KubeconfigInput {
  name: string;
  server: string;
  token: string;
  /** PEM; absent: the system's roots. */
  ca?: string;
}

export function kubeconfigText({ name, server, token, ca }: KubeconfigInput): string {
  const lines = [
    'apiVersion: v1',
    'kind: Config',
    'clusters:',
    `- name: ${JSON.stringify(name)}`,
    '  cluster:',
    `    server: ${JSON.stringify(server)}`,
    ...(ca ? [`    certificate-authority-data: ${Buffer.from(ca).toString('base64')}`] : []),
    'users:',
    `- name: ${JSON.stringify(`${name}-admin`)}`,
    '  user:',
    `    token: ${JSON.stringify(token)}`,
    'contexts:',
    `- name: ${JSON.stringify(name)}`,
    '  context:',
    `    cluster: ${JSON.stringify(name)}`,
    `    user: ${JSON.stringify(`${name}-admin`)}`,
    `current-context: ${JSON.stringify(name)}`,
  ];
  return `${lines.join('\n')}\n`;
}
