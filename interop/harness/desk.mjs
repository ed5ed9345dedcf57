// The stack as a suite in JavaScript sees it; see the folder's Python.

export const OPENAI = {
  type: 'ai_model_access',
  provider: 'openai',
  models: ['gpt-4o-mini', 'text-embedding-3-small'],
  capabilities: ['chat', 'embeddings'],
};

export const ANTHROPIC = {
  type: 'ai_model_access',
  provider: 'anthropic',
  models: ['claude-sonnet-5'],
  capabilities: ['chat'],
};

export const GOOGLE = {
  type: 'ai_model_access',
  provider: 'google',
  models: ['gemini-2.5-flash', 'gemini-embedding-001'],
  capabilities: ['chat', 'embeddings'],
};

async function post(url, body) {
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url}: ${text}`);
  return JSON.parse(text);
}

/** Asks the harness for something. */
export const desk = (verb, args = {}) => post(`${process.env.OKAP_DESK}/${verb}`, args);

export const info = await desk('info');

/** How the provider answers the next calls. */
export const fault = (rule) => post(`${info.provider}/__provider/fault`, rule);

/** A grant for an app of its own: money and rates are counted by app. */
export function grant(test, details, limits) {
  const one = limits ? { ...details, limits } : details;
  return desk('grant', { client: test.name.slice(0, 60), details: [one] });
}

/** Sends a form to an endpoint of the vault. */
export async function form(endpoint, fields) {
  const answer = await fetch(`${info.vault}/okap/${endpoint}`, { method: 'POST', body: new URLSearchParams(fields) });
  return { status: answer.status, body: await answer.json() };
}

/** Asks as another device does: with a code for its user to type. */
export async function device(client_name, details) {
  const { status, body } = await form('device_authorization', {
    client_id: 'http://localhost', client_name, authorization_details: JSON.stringify(details),
  });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

/** What a device hears about its request. */
export const polled = (asked) => form('token', {
  grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'http://localhost', device_code: asked.device_code,
});

/** Hands a token on to another program. */
export async function handOn(token, client_name) {
  const { status, body } = await form('token', {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: token,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    client_name,
  });
  if (status !== 200) throw new Error(JSON.stringify(body));
  return body;
}

/** Keeps what a client saw for the search at the end. */
export const saw = (...things) => desk('note', {
  text: things.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n'),
});

/** How many requests with this path have reached the vault. */
export async function requests(path) {
  return (await desk('requests')).filter((one) => one.path.split('?')[0].endsWith(path)).length;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
