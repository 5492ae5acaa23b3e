// The `tiffin` command line: options, help and error lines. Each command's code is loaded only when it runs, since start-up
// time is part of what `up` is measured by. Does nothing itself.
import { Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from './errors.ts';

const deployDir = '.tiffin-deploy';
const stateDirOption = () =>
  new Option('--state-dir <dir>', 'where the cluster lives: state, logs, kubeconfig')
    .default('.tiffin')
    .env('TIFFIN_STATE_DIR');

function integer(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) {
      throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

const program = new Command('tiffin')
  .description('A Kubernetes control plane with no servers to run.')
  .version('0.1.0')
  .showHelpAfterError('(try --help)')
  .enablePositionalOptions();

program
  .command('up')
  .description(
    'start a cluster on this machine: control plane, containerd and node agent; harmless when it runs already',
  )
  .addOption(stateDirOption())
  .option('--port <port>', 'port of the Kubernetes API (default: 6443, or the next free one)', integer(1, 65535))
  .option('--listen <address>', 'address that the API listens on, besides 127.0.0.1 (default: 127.0.0.1)')
  .option(
    '--nodes <n>',
    'real nodes; those after the first live in network namespaces of their own (default: 1)',
    integer(0, 32),
  )
  .option('--config <file>', 'configuration of the API server, see docs/configuration.md; kept for a later `up`')
  .option('--simulated-nodes <m>', 'nodes that run no containers (default: 0)', integer(0, 2000))
  .option('--detach', 'return once everything is started, without waiting until it is ready')
  .option('--demo', 'deploy examples/hello and fetch its page through the Service')
  .addHelpText(
    'after',
    '\nNumbers of nodes, port and address are remembered in the state directory: a later `up` without options keeps them.',
  )
  .action(async (options) => (await import('./commands/up.ts')).up(options));

program
  .command('down')
  .description('stop control plane, agents, pods and containerd; state is kept and `up` brings the pods back')
  .addOption(stateDirOption())
  .option('--purge', 'delete the state directory too')
  .action(async (options) => (await import('./commands/down.ts')).down(options));

program
  .command('status')
  .description('show components with their pids and ports, and the nodes')
  .addOption(stateDirOption())
  .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
  .action(async (options) => (await import('./commands/status.ts')).status(options));

program
  .command('logs')
  .description('print the log of a component; without one, list them')
  .argument('[component]', 'workerd, supervisor, agent-NODE or containerd-NODE')
  .addOption(stateDirOption())
  .option('-f, --follow', 'go on printing what is added')
  .option('-n, --lines <n>', 'only the last n lines', integer(0, 10_000_000))
  .action(async (component, options) => (await import('./commands/logs.ts')).logs(component, options));

program
  .command('kubectl')
  .description("run kubectl against the cluster (PATH's, else the one packaged in node_modules)")
  .addOption(stateDirOption())
  .argument('[args...]', "kubectl's own arguments")
  .passThroughOptions()
  .allowUnknownOption()
  .helpOption(false)
  .action(async (args, options) => (await import('./commands/kubectl.ts')).kubectl(args, options));

const image = program.command('image').description('images of the local nodes');
image
  .command('import')
  .description('load OCI or docker archives into every local node')
  .argument('<file...>', 'tar archives as written by `docker save` or `skopeo copy … oci-archive:`')
  .addOption(stateDirOption())
  .action(async (files, options) => (await import('./commands/image.ts')).imageImport(files, options));

program
  .command('kubeconfig')
  .description('print the kubeconfig of the local cluster or, with --url, write one for a deployed control plane')
  .addOption(stateDirOption())
  .option('--url <url>', 'where the control plane answers: https://host')
  .addOption(
    new Option(
      '--token <token>',
      'bearer token for --url (default: the one that `deploy` made, in --state-dir or .tiffin-deploy)',
    ).env('TIFFIN_TOKEN'),
  )
  .option('--ca-file <file>', "CA of the control plane's certificate (default: the system's)")
  .option('--out <file>', 'write it there instead of printing it')
  .action(async (_, command: Command) => (await import('./commands/kubeconfig.ts')).kubeconfig(whereFrom(command)));

/** Options of a command; with --url and no --state-dir, the keys are those of `deploy`, never the local cluster's. */
function whereFrom<T extends { url?: string; stateDir: string }>(command: Command): T {
  const options = command.opts<T>();
  const named = command.getOptionValueSource('stateDir') !== 'default';
  return options.url && !named ? { ...options, stateDir: deployDir } : options;
}

/** Options of commands that talk to a control plane, local or not. */
function reaching(command: Command): Command {
  return command
    .addOption(stateDirOption())
    .option('--url <url>', 'control plane (default: the local one)')
    .addOption(
      new Option(
        '--token <token>',
        'bearer token for --url (default: the one that `deploy` made, in --state-dir or .tiffin-deploy)',
      ).env('TIFFIN_TOKEN'),
    )
    .option('--ca-file <file>', "CA of the control plane's certificate (default with --url: the system's)");
}

reaching(program.command('cp'))
  .description('copy files and folders into and out of containers, with progress; of any cluster')
  .argument('<source>', '[[namespace/]pod:]path; one side is in a pod')
  .argument('<destination>', '[[namespace/]pod:]path; goes into a folder that exists')
  .option('-n, --namespace <namespace>', "the pod's namespace (default: the context's, else default)")
  .option('-c, --container <container>', "(default: the pod's kubectl.kubernetes.io/default-container, else its first)")
  .option('--no-preserve', 'leave owners, permissions and times of files to the other side')
  .option(
    '--retries <n>',
    'how often a download goes on after its connection was cut; -1 for always',
    integer(-1, 1_000_000),
    5,
  )
  .option('--kubeconfig <file>', "another cluster's (default with --context: KUBECONFIG, else ~/.kube/config)")
  .option('--context <name>', 'of the kubeconfig (default: its current one)')
  .addHelpText(
    'after',
    '\nThe container needs tar. Symbolic links go into containers as they are, and are left out on the way back.\nA download that is cut short for good leaves what arrived as NAME.part.',
  )
  .action(async (source, destination, _, command: Command) =>
    (await import('./commands/cp.ts')).cp(source, destination, whereFrom(command)),
  );

reaching(program.command('can'))
  .description('may USER do this? says by which binding, or which line would allow it; exit code 1 for no')
  .argument('<user>', 'a user, such as jane or system:serviceaccount:NAMESPACE:NAME')
  .argument('<verb>', 'get, list, watch, create, update, patch, delete, deletecollection, …')
  .argument('<resource>', 'pods, po, deployments.apps, pods/web-0, or a path such as /metrics')
  .option('-n, --namespace <namespace>', 'in this namespace (default: in all of them)')
  .option('--subresource <name>', 'of the resource, such as log or scale')
  .option('--group <group...>', "the user's groups, besides those that come with the name")
  .action(async (user, verb, thing, _, command: Command) =>
    (await import('./commands/can.ts')).can(user, verb, thing, whereFrom(command)),
  );

reaching(program.command('access'))
  .description('who may do what: a line for each user or group and role')
  .argument('[user]', 'only what this user has, by name or by a group that comes with the name')
  .option('-n, --namespace <namespace>', 'only what holds in this namespace')
  .option('--group <group...>', "what these groups have, alone or besides the user's own")
  .option('--all', "the cluster's own parts too")
  .option('--full', 'without shortening what a role allows')
  .action(async (user, _, command: Command) => (await import('./commands/access.ts')).access(user, whereFrom(command)));

const token = program.command('token').description('bootstrap tokens, with which machines join as nodes');
reaching(token.command('create'))
  .description("create a bootstrap token and print it, with the hash of the cluster's key behind it")
  .option('--ttl <duration>', 'how long it is good for, such as 30m or 24h; 0 is for ever', '24h')
  .option('--joins <n>', 'how many machines may join with it; 0 is any number', integer(0, 1_000_000), 1)
  .option('--description <text>', 'a note kept with the token')
  .option('--print-join-command', 'print the command that joins with it')
  .action(async (_, command: Command) => (await import('./commands/token.ts')).tokenCreate(whereFrom(command)));

const keys = program
  .command('keys')
  .description('keys of the control plane: how they are, and new ones in their place');
reaching(keys.command('status'))
  .description('list the keys and what each is for')
  .action(async (_, command: Command) => (await import('./commands/keys.ts')).keysStatus(whereFrom(command)));
reaching(keys.command('rotate'))
  .description('make a new key, while everything runs and old ones still count')
  .argument(
    '<which>',
    'service-account: what signs the tokens of service accounts; encryption: under what Secrets are stored',
  )
  .option(
    '--sign-after <duration>',
    'of service-account: how long the new key is published before it signs; 0 is at once (default: 1h)',
  )
  .option('--finish', 'the second step: let go of old keys that nobody needs any more')
  .option('--force', 'with --finish: of all old keys, and of the tokens that they signed')
  .action(async (which, _, command: Command) =>
    (await import('./commands/keys.ts')).keysRotate(which, whereFrom(command)),
  );

const node = program
  .command('node')
  .description('this machine as a node of a control plane elsewhere; nodes of a cluster');
node
  .command('join')
  .description('run the node agent (and a containerd of its own) in the foreground, for any control plane it can dial')
  .requiredOption('--url <url>', 'control plane: https://host[:port]')
  .option('--token <token>', 'bootstrap token (from tiffin token create); needed the first time, or once revoked')
  .option('--ca-file <file>', "CA of the control plane's certificate (default: the system's)")
  .option('--name <name>', 'name of the node (default: the host name)')
  .option('--address <ip>', "the node's InternalIP (default: the address of the default route)")
  .option('--label <key=value...>', 'labels of the node')
  .option('--node-dir <dir>', 'state of the node', '/var/lib/tiffin/node')
  .option('--systemd', 'install and start it as a systemd unit instead')
  .action(async (options) => (await import('./commands/node-join.ts')).nodeJoin(options));

reaching(node.command('revoke'))
  .description("take a node's credential away: it is hung up on, cordoned, and joins again with a new token only")
  .argument('<name>', 'the node')
  .action(async (name, _, command: Command) =>
    (await import('./commands/node-revoke.ts')).nodeRevoke(name, whereFrom(command)),
  );

program
  .command('deploy')
  .description('deploy the control plane to Cloudflare with wrangler, after checking login and secrets')
  .addOption(new Option('--state-dir <dir>', 'where the keys of the deployed cluster are kept').default(deployDir))
  .option('--config <file>', 'configuration of the API server, see docs/configuration.md; kept for a later deploy')
  .option('--dry-run', 'build and check only')
  .option('--name <name>', "name of the Worker (default: wrangler.toml's)")
  .action(async (options) => (await import('./commands/deploy.ts')).deploy(options));

try {
  await program.parseAsync();
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(`tiffin: ${message.split('\n').join('\n  ')}`);
  if (!(error instanceof CliError) && process.env.TIFFIN_DEBUG) console.error(error);
  process.exitCode = error instanceof CliError ? error.exitCode : 1;
}
