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

/** Keeps what a client saw for the search at the end. */
export const saw = (...things) => desk('note', {
  text: things.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n'),
});

/** How many requests with this path have reached the vault. */
export async function requests(path) {
  return (await desk('requests')).filter((one) => one.path.split('?')[0].endsWith(path)).length;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
