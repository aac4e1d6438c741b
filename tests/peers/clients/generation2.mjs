// The TypeScript SDK of the second generation. order.mode: legacy, auto, or a version to insist on.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { capabilities, drive, headers, order } from './drive.mjs';

const mode = order.mode === 'legacy' || order.mode === 'auto' ? order.mode : { pin: order.mode };
const client = new Client({ name: 'generation-2', version: '2' }, { capabilities, versionNegotiation: { mode } });
const transport = new StreamableHTTPClientTransport(new URL(order.url), { requestInit: { headers } });

await drive(client, {
  connect: () => client.connect(transport),
  call: (params, options) => client.callTool(params, options),
  answer: (method, handler) => client.setRequestHandler(method, handler),
  version: () => client.getNegotiatedProtocolVersion(),
});
