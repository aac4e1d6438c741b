// The TypeScript SDK of the first generation, which Claude Desktop, Cursor and most others are built on.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CallToolResultSchema,
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { capabilities, drive, headers, order } from './drive.mjs';

const SCHEMAS = {
  'elicitation/create': ElicitRequestSchema,
  'sampling/createMessage': CreateMessageRequestSchema,
  'roots/list': ListRootsRequestSchema,
};
const client = new Client({ name: 'generation-1', version: '1' }, { capabilities });
const transport = new StreamableHTTPClientTransport(new URL(order.url), { requestInit: { headers } });

await drive(client, {
  connect: () => client.connect(transport),
  call: (params, options) => client.callTool(params, CallToolResultSchema, options),
  answer: (method, handler) => client.setRequestHandler(SCHEMAS[method], handler),
  version: () => transport.protocolVersion,
});
await transport.terminateSession().catch(() => undefined);
