// One visit of a TypeScript client: an order on standard input, what came of it on standard output.
// The order and the account of the visit have the forms of tests/peers/visit.py.
import { readFileSync } from 'node:fs';

const METHODS = {
  'tools/list': 'listTools',
  'tools/call': 'callTool',
  'resources/list': 'listResources',
  'resources/templates/list': 'listResourceTemplates',
  'resources/read': 'readResource',
  'resources/subscribe': 'subscribeResource',
  'resources/unsubscribe': 'unsubscribeResource',
  'prompts/list': 'listPrompts',
  'prompts/get': 'getPrompt',
  'completion/complete': 'complete',
  'logging/setLevel': 'setLoggingLevel',
  ping: 'ping',
};

export const order = JSON.parse(readFileSync(0, 'utf8'));
export const headers = { Authorization: `Bearer ${order.key}` };
export const capabilities = Object.fromEntries(
  Object.keys(order.answers).map((kind) => [kind, kind === 'elicitation' ? { form: {} } : {}]),
);

// client: connected by `connect`; call: how this SDK passes options to a tool call.
export async function drive(client, { connect, call, answer, version }) {
  const account = { version: '', outcomes: [], progress: [], notifications: [], asked: [], complaints: [] };
  client.onerror = (error) => account.complaints.push(String(error));
  client.fallbackNotificationHandler = async (notification) => {
    account.notifications.push({ method: notification.method, params: notification.params ?? {} });
  };
  for (const [kind, found] of Object.entries(order.answers)) {
    const method = { elicitation: 'elicitation/create', sampling: 'sampling/createMessage', roots: 'roots/list' }[kind];
    answer(method, (request) => {
      account.asked.push({ method, params: request.params ?? {} });
      return found;
    });
  }
  await connect();
  account.version = version();
  for (const step of order.steps) {
    account.outcomes.push(await take(client, step, call, account));
  }
  await client.close();
  process.stdout.write(JSON.stringify(account));
}

async function take(client, step, call, account) {
  if (step.pause) await new Promise((resume) => setTimeout(resume, step.pause * 1000));
  const options = { timeout: 20_000 };
  if (step.progress) options.onprogress = (found) => account.progress.push(found);
  try {
    if (step.method === 'tools/call') return { result: await call(step.params, options) };
    if (step.method === 'logging/setLevel') return { result: await client.setLoggingLevel(step.params.level, options) };
    if (step.method === 'subscriptions/listen') return { result: { listens: Boolean(await client.listen(step.params)) } };
    if (step.method === 'ping') return { result: await client.ping(options) };
    return { result: await client[METHODS[step.method]](step.params, options) };
  } catch (error) {
    return { error: { code: error.code ?? null, message: String(error.message), data: error.data ?? null } };
  }
}
