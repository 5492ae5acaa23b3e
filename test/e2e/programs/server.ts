// A web server that behaves: keeps connections alive; at SIGTERM answers what is under way, tells clients to leave, and ends.
import http from 'node:http';

let leaving = false;
const server = http.createServer((_request, response) => {
  if (leaving) response.setHeader('connection', 'close');
  response.end(`${process.env.HOSTNAME} ${process.env.VERSION ?? ''}\n`);
});
server.keepAliveTimeout = 60_000;
server.listen(8080);
process.on('SIGTERM', () => {
  leaving = true;
  // Clients with a connection of their own learn from their next answer; the idle rest is closed after a second.
  setTimeout(() => server.closeIdleConnections(), 1_000);
  setTimeout(() => process.exit(0), 1_500);
});
